import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Logger } from 'pino';
import type { ServiceName } from '#contracts/envelope';

/** A number of things by label. */
export interface Measured {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Read when somebody asks for the metrics. */
export type Reading = () => Promise<readonly Measured[]>;

/** Of the process: the same for all services in it, and measured once. */
let processMetrics: Registry | undefined;

function ofProcess(): Registry {
  if (processMetrics === undefined) {
    processMetrics = new Registry();
    collectDefaultMetrics({ register: processMetrics });
  }
  return processMetrics;
}

/** One registry a service, so that eight services in one process do not mix. */
export class ServiceMetrics {
  private readonly registry = new Registry();
  private readonly requests: Histogram<'method' | 'route' | 'status'>;

  constructor(
    service: ServiceName,
    private readonly logger: Logger,
  ) {
    this.registry.setDefaultLabels({ service });
    this.requests = new Histogram({
      name: 'countersign_http_request_duration_seconds',
      help: 'How long HTTP requests took, by endpoint and status',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [this.registry],
    });
  }

  startRequest(method: string): (route: string, status: number) => void {
    const end = this.requests.startTimer({ method });
    return (route, status) => void end({ route, status });
  }

  /** A gauge that is read anew each time. A reading that fails leaves the gauge out and says so in the log. */
  gauge(name: string, help: string, labelNames: readonly string[], read: Reading): void {
    const readings = this.reader(name, read);
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      async collect() {
        const measured = await readings();
        this.reset();
        for (const { labels, value } of measured) this.set(labels, value);
      },
    });
  }

  /** The same for a sum that never falls, and that somebody else keeps: in the database, it outlives the process. */
  total(name: string, help: string, labelNames: readonly string[], read: Reading): void {
    const readings = this.reader(name, read);
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      async collect() {
        const measured = await readings();
        this.reset();
        for (const { labels, value } of measured) this.inc(labels, value);
      },
    });
  }

  /** For metrics that a service adds itself with prom-client. */
  get prometheus(): Registry {
    return this.registry;
  }

  async text(): Promise<string> {
    const parts = await Promise.all([this.registry.metrics(), ofProcess().metrics()]);
    return parts.join('\n');
  }

  private reader(name: string, read: Reading): Reading {
    return async () => {
      try {
        return await read();
      } catch (error) {
        this.logger.warn({ err: error, metric: name }, 'a metric could not be read');
        return [];
      }
    };
  }

  get contentType(): string {
    return this.registry.contentType;
  }
}
