import { setTimeout as delay } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';
import type { Logger } from 'pino';
import { deadTopic, TOPICS } from '#contracts/topics';
import { DomainError } from '#libs/kernel';
import { kafkaClient } from './kafka-client';
import type { KafkaSettings } from './kafka-settings';
import { topicName } from './topic-name';

export interface TopicSettings {
  /** Of each live topic; more of them let more instances of a service share the work. A dead topic has one. */
  readonly partitions?: number;
  /** Only these, and their dead topics; all of them when absent. */
  readonly topics?: readonly string[];
  /** Brokers that hold a copy of each message; 3 in production. */
  readonly replication?: number;
  /** How long a message stays. A consumer that is away for longer loses messages, the ledger does not. */
  readonly retentionMs?: number;
}

const DAY_MS = 24 * 60 * 60_000;
/** What travels of an alert has at most 256 KiB; four times that for what enrichment adds. A dead letter also carries why it died. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/**
 * Makes the topics that are missing, as `countersign migrate` does in cluster mode. Those that exist stay as they are:
 * another number of partitions would move keys, and break the order within them. Resolves to the names of the new ones.
 */
export async function createTopics(
  kafka: KafkaSettings,
  { partitions = 6, topics = TOPICS, replication = 1, retentionMs = 7 * DAY_MS }: TopicSettings,
  logger: Logger,
): Promise<string[]> {
  const admin = kafkaClient(kafka, 'countersign-migrate', logger).admin();
  const prefix = kafka.prefix ?? '';
  const topic = (name: string, numPartitions: number, keepMs: number, bytes: number): ITopicConfig => ({
    topic: topicName(prefix, name),
    numPartitions,
    replicationFactor: replication,
    configEntries: [
      { name: 'max.message.bytes', value: String(bytes) },
      { name: 'retention.ms', value: String(keepMs) },
      { name: 'cleanup.policy', value: 'delete' },
      // By a sender's own clock, one that is ahead would be refused, and of one that is behind messages be gone too soon.
      { name: 'message.timestamp.type', value: 'LogAppendTime' },
      { name: 'min.insync.replicas', value: replication > 2 ? '2' : '1' },
    ],
  });
  await admin.connect();
  try {
    const present = new Set(await admin.listTopics());
    const missing = [
      ...topics.map((name) => topic(name, partitions, retentionMs, MAX_MESSAGE_BYTES)),
      ...topics.map((name) => topic(deadTopic(name), 1, 30 * DAY_MS, 2 * MAX_MESSAGE_BYTES)),
    ].filter((config) => !present.has(config.topic));
    if (missing.length === 0) return [];
    await admin.createTopics({ topics: missing, waitForLeaders: false, timeout: 30_000 });
    await untilLed(
      admin,
      missing.map((config) => config.topic),
    );
    return missing.map((config) => config.topic);
  } finally {
    await admin.disconnect();
  }
}

const LEADERS_TIMEOUT_MS = 30_000;

/** kafkajs's own `waitForLeaders` gives up on a topic that the broker it asks has not heard of yet. */
async function untilLed(admin: Admin, topics: string[]): Promise<void> {
  const deadline = performance.now() + LEADERS_TIMEOUT_MS;
  for (;;) {
    try {
      const { topics: known } = await admin.fetchTopicMetadata({ topics });
      if (known.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)))
        return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    if (performance.now() > deadline) {
      throw new DomainError('bus_unavailable', `The new topics have no leader after ${LEADERS_TIMEOUT_MS / 1_000} s`);
    }
    await delay(50);
  }
}
