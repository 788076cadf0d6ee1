import type { OnApplicationBootstrap } from '@nestjs/common';
import { DomainError } from '#libs/kernel';
import type { ServiceContext } from '#libs/service';
import type { SyslogListener } from '../../domain/syslog-sender';
import type { AlertIntakeDesk } from '../alert-intake';
import type { MemoryBudget } from '../memory-budget';
import type { SourceDirectory } from '../source-directory';
import { DatagramListener } from './datagram-listener';
import { StreamListener } from './stream-listener';
import { SyslogIntake } from './syslog-intake';
import { SyslogMetrics } from './syslog-metrics';

/** When the edge closes, what was read has this long to become durable. Milliseconds. */
const DRAIN_MS = 2_000;

/** All listeners of this instance: started with it, and stopped with its edge. */
export class SyslogListeners implements OnApplicationBootstrap {
  private readonly metrics: SyslogMetrics;
  private readonly opened: (StreamListener | DatagramListener)[] = [];

  constructor(
    private readonly context: Pick<ServiceContext, 'logger' | 'metrics' | 'closeWithEdge'>,
    private readonly listeners: readonly SyslogListener[],
    private readonly parts: {
      readonly desk: AlertIntakeDesk;
      readonly directory: SourceDirectory;
      readonly memory: MemoryBudget;
    },
  ) {
    // With no listener as well: a page of metrics has the same names everywhere.
    this.metrics = new SyslogMetrics(context.metrics);
    this.metrics.watchKernel(async () => this.dropped());
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.listeners.length === 0) return;
    const { logger } = this.context;
    const { desk, directory, memory } = this.parts;
    const { metrics, opened } = this;
    const outOfTime = new AbortController();
    const intake = new SyslogIntake(desk, directory, metrics, logger, outOfTime.signal);
    this.context.closeWithEdge(async () => {
      const timer = setTimeout(() => outOfTime.abort(), DRAIN_MS);
      await Promise.all(opened.map((listener) => listener.stop()));
      clearTimeout(timer);
    });
    for (const listener of this.listeners) {
      const Kind = listener.protocol === 'udp' ? DatagramListener : StreamListener;
      const open = new Kind(listener, intake, memory, metrics);
      const { name, protocol, host, port } = listener;
      await open.start().catch((cause: unknown) => {
        const reason = `The listener ${name} cannot listen on ${host}:${port}: ${String(cause)}`;
        throw new DomainError('invalid_configuration', { field: 'INGEST_SYSLOG_FILE', reason, cause });
      });
      opened.push(open);
      logger.info({ listener: name, protocol, host, port }, 'listening for syslog');
    }
  }

  private async dropped() {
    const datagrams = this.opened.filter((listener) => listener instanceof DatagramListener);
    return (await Promise.all(datagrams.map((listener) => listener.dropped()))).filter((each) => each !== undefined);
  }
}
