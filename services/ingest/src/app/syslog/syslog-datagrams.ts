import { WakeSignal } from '#libs/kernel';
import type { SyslogListener, SyslogSender } from '../../domain/syslog-sender';
import type { RawAlert } from '../alert-reception';
import type { MemoryShare } from '../memory-budget';
import { withoutEnd } from './syslog-frames';
import type { SyslogIntake } from './syslog-intake';
import type { SyslogMetrics } from './syslog-metrics';

/** Datagrams of one sender that wait. Beyond that, the newest are dropped and counted. */
const MOST_WAITING = 20_000;
/** And their bytes. */
const MOST_BYTES = 16 * 1024 * 1024;

/** What one sender of a listener sends by UDP: nobody can hold it back, so that its queue has an end. */
export class SyslogDatagrams {
  private readonly waiting: RawAlert[] = [];
  /** Of messages that are not durable yet. Bytes. */
  private inHand = 0;
  private readonly signal = new WakeSignal();
  private isStopping = false;

  constructor(
    private readonly listener: Pick<SyslogListener, 'name'>,
    private readonly sender: SyslogSender,
    private readonly share: MemoryShare,
    private readonly metrics: SyslogMetrics,
  ) {}

  /** One datagram is one message (RFC 5426, section 3.1). */
  add(datagram: Buffer): void {
    const message = withoutEnd({ bytes: datagram, size: datagram.length });
    if (message.size === 0) return;
    this.metrics.read(this.listener.name, 1);
    if (!this.hasRoom(message.size)) {
      this.metrics.lost(this.listener.name, 'memory');
      return;
    }
    this.inHand += message.size;
    this.waiting.push(message);
    this.signal.wake();
  }

  /** Resolves when it was stopped and what had arrived is durable. */
  async run(intake: SyslogIntake): Promise<void> {
    await intake.take({
      listener: this.listener.name,
      sender: this.sender,
      messages: this.messages(),
      // What is not taken is over; what comes next may be.
      goesOn: true,
      onDone: (batch) => {
        this.inHand -= batch.reduce((sum, { size }) => sum + size, 0);
        this.share.release(this.inHand);
      },
    });
  }

  stop(): void {
    this.isStopping = true;
    this.signal.wake();
  }

  private hasRoom(bytes: number): boolean {
    if (this.waiting.length >= MOST_WAITING || this.inHand + bytes > MOST_BYTES) return false;
    try {
      this.share.add(bytes);
      return true;
    } catch {
      return false;
    }
  }

  private async *messages(): AsyncGenerator<RawAlert> {
    for (;;) {
      const next = this.waiting.shift();
      if (next !== undefined) yield next;
      else if (this.isStopping) return;
      else await this.signal.wait(60_000);
    }
  }
}
