import type { Admin, IHeaders, Kafka, KafkaMessage } from 'kafkajs';
import { DomainError } from '#libs/kernel';
import type { ForeignRecord, ForeignTopic, ForeignTopicOptions } from '../foreign-topic';
import { withinGrace } from '../grace';
import { messageOf } from '../retry-policy';
import { placesOf } from './consumer-lag';
import { GroupConsumer } from './group-consumer';
import { kafkaClient } from './kafka-client';
import { PartitionWork } from './partition-work';

/** Records that are handed over at once. */
const SLICE = 500;

/** A topic that is not ours: nothing is asked of its records, and nothing is made on its cluster. */
export class KafkaForeignTopic implements ForeignTopic {
  private readonly kafka: Kafka;
  private readonly work: PartitionWork;
  private readonly consumer: GroupConsumer;
  private admin: Promise<Admin> | undefined;
  private committedAt: number | undefined;
  private current: string | undefined = 'it has not been reached yet';

  constructor(private readonly options: ForeignTopicOptions) {
    const { kafka: settings, topic, group, handle } = options;
    const logger = options.logger.child({ topic, group });
    this.kafka = kafkaClient(settings, 'countersign-sources', logger);
    this.work = new PartitionWork(
      topic,
      (partition, messages) => handle(messages.map((message) => recordOf(topic, partition, message))),
      SLICE,
      logger,
      { onCommitted: () => (this.committedAt = performance.now()) },
    );
    this.consumer = new GroupConsumer({
      kafka: this.kafka,
      settings,
      group,
      topics: [topic],
      logger,
      handle: (_, payload, heartbeatMs) => this.work.handle(payload, heartbeatMs),
      prepare: () => this.asAdmin((admin) => this.prepare(admin)),
      onTrouble: (error) => this.fellInto(messageOf(error)),
      onJoined: () => {
        if (this.current !== undefined) logger.info('Consuming from a topic of somebody else');
        this.current = undefined;
      },
    });
  }

  get trouble(): string | undefined {
    return this.current;
  }

  get secondsSinceCommit(): number | undefined {
    return this.committedAt === undefined ? undefined : (performance.now() - this.committedAt) / 1_000;
  }

  start(): void {
    void this.consumer.consume();
  }

  async stop(): Promise<void> {
    this.consumer.cease();
    await withinGrace([this.work.stop()]);
    this.work.abandon();
    await withinGrace([this.consumer.leave(), this.disconnectAdmin()], 1_500);
  }

  async lag(): Promise<readonly { readonly partition: number; readonly lag: number }[]> {
    if (this.current !== undefined) return [];
    const places = await this.asAdmin(async (admin) =>
      placesOf(admin, this.options.topic, await this.committed(admin)),
    );
    return places.map(({ partition, high, handled }) => ({ partition, lag: high - handled }));
  }

  /** Once a reason, and not at every try. */
  private fellInto(trouble: string): void {
    if (this.current === trouble) return;
    this.current = trouble;
    const { logger, topic, group } = this.options;
    logger.warn({ topic, group, trouble }, `Cannot consume the topic ${topic}; trying again until it can be`);
  }

  private async prepare(admin: Admin): Promise<void> {
    const { topic, from } = this.options;
    // Asked for by its name, a topic that is missing would be an error of all that the client knows, or be made.
    if (!(await admin.listTopics()).includes(topic)) {
      throw new DomainError('not_found', `There is no topic ${topic} there, or it may not be seen by us.`);
    }
    if (from === 'latest') await this.beginAtTheEnd(admin);
  }

  /**
   * A group that was never there commits where it begins, before it reads anything: else what comes in while it is down
   * for the first time would never be read.
   */
  private async beginAtTheEnd(admin: Admin): Promise<void> {
    const { topic, group: groupId } = this.options;
    if ((await this.committed(admin)).some(({ offset }) => offset !== '-1')) return;
    const ends = await admin.fetchTopicOffsets(topic);
    await admin.setOffsets({
      groupId,
      topic,
      partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
    });
  }

  private async committed(admin: Admin): Promise<{ readonly partition: number; readonly offset: string }[]> {
    const { topic, group: groupId } = this.options;
    return (await admin.fetchOffsets({ groupId, topics: [topic] })).flatMap(({ partitions }) => partitions);
  }

  /** What failed begins anew, with a connection of its own. */
  private async asAdmin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result> {
    try {
      return await work(await (this.admin ??= this.connect()));
    } catch (error) {
      void this.disconnectAdmin();
      throw error;
    }
  }

  private async connect(): Promise<Admin> {
    const admin = this.kafka.admin();
    await admin.connect();
    return admin;
  }

  private async disconnectAdmin(): Promise<void> {
    const given = this.admin;
    this.admin = undefined;
    const admin = await given?.catch(() => undefined);
    await admin?.disconnect().catch(() => undefined);
  }
}

function recordOf(topic: string, partition: number, message: KafkaMessage): ForeignRecord {
  const { offset, key, value, headers, timestamp } = message;
  return { topic, partition, offset, key, value, headers: textsOf(headers ?? {}), timestamp: Number(timestamp) };
}

/** Of a header that comes several times, the last. */
function textsOf(headers: IHeaders): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) => {
    const last = Array.isArray(value) ? value.at(-1) : value;
    return last === undefined ? [] : [[name, last.toString()] as const];
  });
  return Object.fromEntries(entries);
}
