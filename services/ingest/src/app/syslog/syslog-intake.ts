import type { Logger } from 'pino';
import { DomainError } from '#libs/kernel';
import { childTraceparent } from '#libs/telemetry';
import { syslogEnvelope } from '../../domain/formats/syslog-event';
import type { SyslogSender } from '../../domain/syslog-sender';
import { alertBatches, type AlertIntakeDesk } from '../alert-intake';
import type { RawAlert } from '../alert-reception';
import type { SourceDirectory } from '../source-directory';
import { untilDone } from '../until-done';
import type { SyslogMetrics } from './syslog-metrics';

/** Where messages come from, and what is to be done with them beside. */
interface SyslogFeed {
  readonly listener: string;
  readonly sender: SyslogSender;
  readonly messages: AsyncIterable<RawAlert>;
  /** Whether the next batch is taken after one that was given up. */
  readonly goesOn: boolean;
  /** The batch is durable, or has been given up and counted. */
  onDone(batch: readonly RawAlert[]): void;
}

/** Takes messages to the bus, a batch at a time: the next is read once the one before is durable. */
export class SyslogIntake {
  constructor(
    private readonly desk: AlertIntakeDesk,
    private readonly directory: Pick<SourceDirectory, 'named'>,
    private readonly metrics: SyslogMetrics,
    private readonly logger: Logger,
    /** Aborts when there is no more time: what is not durable by then is given up. */
    private readonly outOfTime: AbortSignal,
  ) {}

  /** Resolves when the messages end, or are not to go on: nobody is there to take them. */
  async take(feed: SyslogFeed): Promise<void> {
    for await (const batch of alertBatches(feed.messages)) {
      const isTaken = await this.deliver(feed, batch);
      feed.onDone(batch);
      if (!isTaken && !feed.goesOn) return;
    }
  }

  private async deliver({ listener, sender }: SyslogFeed, batch: readonly RawAlert[]): Promise<boolean> {
    const { outOfTime: holdBack } = this;
    try {
      const source = await untilDone(holdBack, () => this.directory.named(sender.tenant, sender.source));
      const request = { source, envelope: syslogEnvelope, traceparent: childTraceparent(undefined), holdBack };
      await this.desk.take(request, async () => ({ kind: 'list', alerts: batch }));
      return true;
    } catch (error) {
      // Single messages are refused by receptions of their own; this is the batch as a whole.
      const isSourceless = error instanceof DomainError && error.code === 'not_found';
      if (isSourceless) this.metrics.refused(listener, 'source', batch.length);
      else this.metrics.lost(listener, 'bus', batch.length);
      this.logger.error({ err: error, listener, messages: batch.length }, 'syslog messages were given up');
      return false;
    }
  }
}
