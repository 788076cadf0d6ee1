import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { kernelDrops } from '../../adapters/syslog/udp-drops';
import { senderOf, type SyslogListener, type SyslogSender } from '../../domain/syslog-sender';
import type { MemoryBudget } from '../memory-budget';
import { sourceIdOf } from '../source-id';
import { SyslogDatagrams } from './syslog-datagrams';
import type { SyslogIntake } from './syslog-intake';
import type { SyslogMetrics } from './syslog-metrics';

/** What the operating system may hold for us while we are busy; Linux gives at most net.core.rmem_max. Bytes. */
const RECEIVE_BUFFER = 8 * 1024 * 1024;

/** Syslog over UDP (RFC 5426). */
export class DatagramListener {
  private readonly socket: Socket;
  private readonly queues: ReadonlyMap<SyslogSender, SyslogDatagrams>;
  private readonly runs: Promise<void>[] = [];

  constructor(
    private readonly listener: SyslogListener,
    private readonly intake: SyslogIntake,
    memory: MemoryBudget,
    private readonly metrics: SyslogMetrics,
  ) {
    const type = isIPv6(listener.host) ? 'udp6' : 'udp4';
    this.socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER });
    const queueOf = (sender: SyslogSender) =>
      new SyslogDatagrams(listener, sender, memory.open(sourceIdOf(sender.tenant, sender.source)), metrics);
    this.queues = new Map(listener.senders.map((sender) => [sender, queueOf(sender)]));
    this.socket.on('message', (datagram, { address }) => this.receive(datagram, address));
  }

  async start(): Promise<void> {
    this.socket.bind({ address: this.listener.host, port: this.listener.port });
    await once(this.socket, 'listening');
    // A datagram that cannot be received ends no listener.
    this.socket.on('error', () => this.metrics.lost(this.listener.name, 'broken'));
    for (const queue of this.queues.values()) this.runs.push(queue.run(this.intake));
  }

  /** Resolves when what was read is durable, or given up. */
  async stop(): Promise<void> {
    this.socket.close();
    for (const queue of this.queues.values()) queue.stop();
    await Promise.all(this.runs);
  }

  /** Datagrams that nobody will ever see. */
  async dropped(): Promise<{ readonly listener: string; readonly drops: number } | undefined> {
    const drops = await kernelDrops(this.listener.port);
    return drops === undefined ? undefined : { listener: this.listener.name, drops };
  }

  private receive(datagram: Buffer, address: string): void {
    const sender = senderOf(this.listener.senders, address, undefined);
    const queue = sender && this.queues.get(sender);
    if (queue === undefined) this.metrics.refused(this.listener.name, 'unknown_sender');
    else queue.add(datagram);
  }
}
