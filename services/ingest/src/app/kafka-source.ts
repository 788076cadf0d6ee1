import { openForeignTopic, type ForeignRecord, type ForeignTopic, type KafkaSettings } from '#libs/bus';
import { DomainError } from '#libs/kernel';
import { toDomainError } from '#libs/service';
import { childTraceparent } from '#libs/telemetry';
import type { Logger } from 'pino';
import type { KafkaSourceTopic } from '../adapters/kafka-sources-file';
import type { AlertIntakeDesk } from './alert-intake';
import type { RawAlert } from './alert-reception';
import { alertsOfRecord } from './kafka-records';
import type { SourceDirectory } from './source-directory';

/** How long a topic waits for its source to be registered before it asks again. Seconds. */
const SOURCE_PAUSE_S = 5;
/** How often records are tried that fail by an error nobody foresaw, before they are looked at one by one. */
const ATTEMPTS = 5;

export interface KafkaSourceParts {
  readonly cluster: string;
  readonly kafka: KafkaSettings;
  readonly desk: Pick<AlertIntakeDesk, 'take'>;
  readonly directory: Pick<SourceDirectory, 'named'>;
  readonly logger: Logger;
}

/** The alerts of one topic of somebody else, which become those of a source. */
export class KafkaSource {
  readonly topic: ForeignTopic;
  readonly labels: { readonly cluster: string; readonly topic: string; readonly group: string };
  /** Since the start of this process. */
  readonly counts = { records: 0, alerts: 0, rejected: 0 };
  private readonly failures = new Map<number, number>();

  constructor(
    private readonly settings: KafkaSourceTopic,
    private readonly parts: KafkaSourceParts,
  ) {
    const { topic, group, from } = settings;
    const { cluster, kafka, logger } = parts;
    this.labels = { cluster, topic, group };
    this.topic = openForeignTopic({ kafka, topic, group, from, handle: (records) => this.take(records), logger });
  }

  /** Records of one partition; what it throws brings them again. */
  async take(records: readonly ForeignRecord[]): Promise<void> {
    const partition = records[0]?.partition ?? 0;
    try {
      await this.deliver(records);
    } catch (thrown) {
      const error = toDomainError(thrown);
      const failures = (this.failures.get(partition) ?? 0) + 1;
      this.failures.set(partition, failures);
      // What is to pass, or may: the same records come again after a pause.
      if (error.retryable || error.code === 'not_found' || (error.kind === 'internal' && failures < ATTEMPTS))
        throw thrown;
      await this.oneByOne(records);
    }
    this.failures.delete(partition);
    this.counts.records += records.length;
  }

  /** A record that no attempt helps is refused by name, so that its partition goes on. */
  private async oneByOne(records: readonly ForeignRecord[]): Promise<void> {
    for (const record of records) {
      try {
        await this.deliver([record]);
      } catch (thrown) {
        const error = toDomainError(thrown);
        if (error.retryable || error.code === 'not_found') throw thrown;
        this.parts.logger.error({ err: thrown, ...this.labels, offset: record.offset }, 'A record could not be taken');
        await this.deliver([record], error);
      }
    }
  }

  /** @param refusal why none of them can be an alert. */
  private async deliver(records: readonly ForeignRecord[], refusal?: DomainError): Promise<void> {
    const source = await this.source();
    await this.parts.desk.take(
      {
        source,
        askedFormat: this.settings.format,
        traceparent: childTraceparent(undefined),
        isNeverPaused: true,
        onReceived: ({ kind }) => {
          this.counts.alerts += 1;
          if (kind === 'refused') this.counts.rejected += 1;
        },
      },
      async (share) => {
        const alerts: RawAlert[] = [];
        for (const record of records) {
          share.add(record.value?.length ?? 0);
          for (const alert of await alertsOfRecord(this.parts.cluster, record)) {
            alerts.push(refusal === undefined ? alert : { ...alert, refusal });
          }
        }
        return { kind: 'list', alerts };
      },
    );
  }

  private async source() {
    const { tenant, source } = this.settings;
    try {
      return await this.parts.directory.named(tenant, source);
    } catch (cause) {
      if (!(cause instanceof DomainError) || cause.code !== 'not_found') throw cause;
      throw new DomainError('not_found', { reason: cause.reason, retryAfterSeconds: SOURCE_PAUSE_S, cause });
    }
  }
}
