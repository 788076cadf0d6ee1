import type { Socket } from 'node:net';
import { WakeSignal } from '#libs/kernel';
import type { SyslogListener, SyslogSender } from '../../domain/syslog-sender';
import type { RawAlert } from '../alert-reception';
import type { MemoryShare } from '../memory-budget';
import { SyslogFrames } from './syslog-frames';
import type { SyslogIntake } from './syslog-intake';
import type { SyslogMetrics } from './syslog-metrics';

/** How long a connection waits for room in memory before it is closed. Milliseconds. */
const LONGEST_WAIT_MS = 30_000;

/**
 * One connection of a sender. Nothing more is read from it than what can be held, and no further batch before the one at
 * hand is durable: TCP then holds the sender back.
 */
export class SyslogConnection {
  private readonly frames = new SyslogFrames();
  private readonly signal = new WakeSignal();
  /** Of complete messages that are not durable yet. Bytes. */
  private inHand = 0;
  private isStopping = false;
  private hasFailed = false;

  constructor(
    private readonly socket: Socket,
    private readonly listener: Pick<SyslogListener, 'name' | 'idleSeconds'>,
    private readonly sender: SyslogSender,
    private readonly share: MemoryShare,
    private readonly metrics: SyslogMetrics,
  ) {
    const wake = () => this.signal.wake();
    socket.on('readable', wake).on('end', wake).on('close', wake);
    socket.on('error', () => {
      this.hasFailed = true;
      wake();
    });
  }

  /** Resolves when the connection has ended and what was read from it is durable. */
  async run(intake: SyslogIntake): Promise<void> {
    try {
      await intake.take({
        listener: this.listener.name,
        sender: this.sender,
        messages: this.messages(),
        goesOn: false,
        onDone: (batch) => {
          this.inHand -= sizeOf(batch);
          this.share.release(this.frames.held + this.inHand);
        },
      });
    } finally {
      this.share.release();
      this.socket.destroy();
    }
  }

  /** Reads what has arrived at this process, and no more. */
  stop(): void {
    this.isStopping = true;
    this.signal.wake();
  }

  private async *messages(): AsyncGenerator<RawAlert> {
    for await (const chunk of this.chunks()) {
      const fits = await this.share.addInTime(chunk.length, LONGEST_WAIT_MS);
      const frames = this.frames.push(chunk);
      this.inHand += sizeOf(frames);
      this.metrics.read(this.listener.name, frames.length);
      yield* frames;
      if (!fits) {
        this.metrics.lost(this.listener.name, 'memory');
        return;
      }
    }
    yield* this.last();
  }

  /** What stands at the end without an end of its own counts only where the sender has ended it. */
  private *last(): Generator<RawAlert> {
    const isEnded = this.socket.readableEnded && !this.hasFailed;
    const isPartial = this.frames.held > 0;
    const { frame, isBroken } = this.frames.end();
    if (isBroken || (isPartial && !isEnded)) this.metrics.lost(this.listener.name, 'broken');
    else if (frame !== undefined) {
      this.inHand += sizeOf([frame]);
      this.metrics.read(this.listener.name, 1);
      yield frame;
    }
  }

  private async *chunks(): AsyncGenerator<Buffer> {
    const { socket } = this;
    for (;;) {
      const chunk: unknown = socket.read();
      if (Buffer.isBuffer(chunk)) {
        if (this.isStopping) socket.destroy();
        yield chunk;
      }
      if (this.isStopping || socket.readableEnded || socket.destroyed) return;
      if (chunk !== null) continue;
      const before = performance.now();
      await this.signal.wait(this.listener.idleSeconds * 1_000);
      if (performance.now() - before >= this.listener.idleSeconds * 1_000) return;
    }
  }
}

const sizeOf = (messages: readonly RawAlert[]): number => messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
