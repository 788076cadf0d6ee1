import type { Logger } from 'pino';
import { WakeSignal } from '#libs/kernel';
import type { ParkingLot } from './parking';

/** How late a message may be noticed that another process has parked: a dead letter that an operator retries. */
const POLL_MS = 500;

/** Tells a consumer group which topics have parked messages that are due. */
export class ParkingWatch {
  private readonly signal = new WakeSignal();
  private nextDue = Infinity;
  private running: Promise<void> | undefined;
  private stopping = false;

  constructor(
    private readonly parking: ParkingLot,
    private readonly logger: Logger,
    private readonly onDue: (topic: string) => void,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Something is due in so many milliseconds: look then, not only at the next poll. */
  expect(inMs: number): void {
    const due = performance.now() + inMs;
    if (due >= this.nextDue) return;
    this.nextDue = due;
    this.signal.wake();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.signal.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      const now = performance.now();
      if (this.nextDue <= now) this.nextDue = Infinity;
      try {
        for (const topic of await this.parking.dueTopics()) this.onDue(topic);
      } catch (error) {
        this.logger.warn({ err: error }, 'Cannot look for parked messages; trying again');
      }
      await this.signal.wait(Math.max(Math.min(POLL_MS, this.nextDue - performance.now()), 5));
    }
  }
}
