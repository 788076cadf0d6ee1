import { createServer, type IncomingMessage, type Server } from 'node:http';

/** A span as it was exported: ids in hexadecimal, attributes by their names. */
export interface ExportedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of its trace. */
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly failed: boolean;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** OTLP/HTTP with JSON, as far as it is needed here (opentelemetry-proto, ExportTraceServiceRequest). */
interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

interface OtlpSpan extends Pick<ExportedSpan, 'name' | 'kind' | 'traceId' | 'spanId'> {
  readonly parentSpanId?: string;
  readonly attributes?: readonly Attribute[];
  readonly links?: ExportedSpan['links'];
  readonly status?: { readonly code?: number };
}

const STATUS_ERROR = 2;

/** Takes in what services export, as an OpenTelemetry collector would. */
export class TraceCollector {
  readonly spans: ExportedSpan[] = [];

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      void this.take(request).then((status) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
      });
    });
  }

  static async start(): Promise<TraceCollector> {
    const collector = new TraceCollector(createServer());
    await new Promise<void>((resolve) => collector.server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  get endpoint(): string {
    const address = this.server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  ofTrace(traceId: string): ExportedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage): Promise<number> {
    if (request.method !== 'POST' || request.url !== '/v1/traces') return 404;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const exported: ExportRequest = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    for (const { resource, scopeSpans } of exported.resourceSpans) {
      const service = String(named(resource.attributes)['service.name']);
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) this.spans.push(present(service, span));
    }
    return 200;
  }
}

function present(service: string, span: OtlpSpan): ExportedSpan {
  const { name, kind, traceId, spanId, parentSpanId = '', attributes = [], links = [], status } = span;
  const failed = status?.code === STATUS_ERROR;
  return { service, name, kind, traceId, spanId, parentSpanId, attributes: named(attributes), links, failed };
}

function named(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
