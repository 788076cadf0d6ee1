import type { Logger } from 'pino';
import { KafkaForeignTopic } from './kafka-transport/kafka-foreign-topic';
import type { KafkaSettings } from './kafka-transport/kafka-settings';

/** A record of a topic that is not ours, as it lies there. */
export interface ForeignRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  /** Null for a tombstone. */
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, by its producer or its broker. */
  readonly timestamp: number;
}

export interface ForeignTopicOptions {
  /** The cluster that the topic lies on, which need not be the one of our bus. */
  readonly kafka: KafkaSettings;
  readonly topic: string;
  /** For this topic alone. */
  readonly group: string;
  /** Where a group begins that has never been there. Partitions that are added later begin at their beginning. */
  readonly from: 'earliest' | 'latest';
  /**
   * Records of one partition, in their order; taken once it resolves, and committed then. Comes again, with the same
   * records or more, after what it throws: in `retryAfterSeconds` where that is a DomainError that says so. It must
   * answer for every record: one that it cannot take would stop its partition.
   */
  readonly handle: (records: readonly ForeignRecord[]) => Promise<void>;
  readonly logger: Logger;
}

/** A member of a consumer group on a topic of somebody else. */
export interface ForeignTopic {
  /** Consumes from now on, and comes back after every failure, until `stop`. */
  start(): void;
  /** Ends the records in hand, and leaves the group; within about 5 s. */
  stop(): Promise<void>;
  /** Why nothing is consumed now, such as a topic that does not exist; undefined while it is. */
  readonly trouble: string | undefined;
  /** Since this process last committed an offset; undefined before. Seconds. */
  readonly secondsSinceCommit: number | undefined;
  /** Records that the group has not committed, by partition, as the broker counts them; none while there is trouble. */
  lag(): Promise<readonly { readonly partition: number; readonly lag: number }[]>;
}

export function openForeignTopic(options: ForeignTopicOptions): ForeignTopic {
  return new KafkaForeignTopic(options);
}
