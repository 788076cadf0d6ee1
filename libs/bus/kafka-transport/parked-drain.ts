import type { Logger } from 'pino';
import { PutOff } from '../dispatch';
import type { Inbox } from '../inbox';
import type { SingleActive } from '../single-active';

/** Drains the parked messages of one topic, in one process of the group at a time. */
export class ParkedDrain {
  private running: Promise<void> | undefined;
  private stopping = false;

  constructor(
    private readonly inbox: Inbox,
    private readonly locks: SingleActive,
    private readonly lock: string,
    private readonly logger: Logger,
  ) {}

  soon(): void {
    if (this.stopping || this.running) return;
    this.running = this.run().finally(() => {
      this.running = undefined;
    });
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  /** Trouble ends it; the next poll of what is due begins it again. */
  private async run(): Promise<void> {
    try {
      while (!this.stopping && (await this.locks.isActive(this.lock)) && (await this.inbox.drain()) > 0);
    } catch (error) {
      const cause = error instanceof PutOff ? error.cause : error;
      this.logger.warn({ err: cause, topic: this.inbox.topic }, 'Parked messages were put off and will be tried again');
    }
  }
}
