import { Counter, Gauge } from 'prom-client';
import type { ServiceMetrics } from '#libs/service';

/** Why a peer or what it sends is not taken. */
type Refusal = 'unknown_sender' | 'source' | 'tls' | 'connections';
/** Why something that arrived did not go on. */
type Loss = 'memory' | 'broken' | 'bus';

/** What comes in by syslog, by listener. Its senders learn nothing from us: this is where losses are seen. */
export class SyslogMetrics {
  private readonly frames: Counter<'listener'>;
  private readonly refusals: Counter<'listener' | 'reason'>;
  private readonly losses: Counter<'listener' | 'reason'>;
  private readonly open: Gauge<'listener'>;

  constructor(private readonly metrics: ServiceMetrics) {
    const registers = [metrics.prometheus];
    this.frames = new Counter({
      name: 'countersign_syslog_messages_total',
      help: 'Messages that were read from sockets',
      labelNames: ['listener'],
      registers,
    });
    this.refusals = new Counter({
      name: 'countersign_syslog_refused_total',
      help: 'Connections, and messages by UDP, of senders that may not send',
      labelNames: ['listener', 'reason'],
      registers,
    });
    this.losses = new Counter({
      name: 'countersign_syslog_dropped_total',
      help: 'Messages that arrived and were not taken',
      labelNames: ['listener', 'reason'],
      registers,
    });
    this.open = new Gauge({
      name: 'countersign_syslog_connections',
      help: 'Open connections',
      labelNames: ['listener'],
      registers,
    });
  }

  read(listener: string, count: number): void {
    this.frames.inc({ listener }, count);
  }

  refused(listener: string, reason: Refusal, count = 1): void {
    this.refusals.inc({ listener, reason }, count);
  }

  lost(listener: string, reason: Loss, count = 1): void {
    this.losses.inc({ listener, reason }, count);
  }

  connections(listener: string, count: number): void {
    this.open.set({ listener }, count);
  }

  /** What the operating system threw away because nobody read it in time; only Linux tells. */
  watchKernel(read: () => Promise<readonly { readonly listener: string; readonly drops: number }[]>): void {
    this.metrics.gauge(
      'countersign_syslog_kernel_dropped',
      'Datagrams that the operating system dropped before they were read, since the start',
      ['listener'],
      async () => (await read()).map(({ listener, drops }) => ({ labels: { listener }, value: drops })),
    );
  }
}
