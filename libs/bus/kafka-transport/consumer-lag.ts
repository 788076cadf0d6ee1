import type { Admin, Kafka } from 'kafkajs';
import { BacklogAge } from '#libs/telemetry';
import type { TopicLag } from '../create-bus';
import { byKafkaGroup } from './kafka-groups';
import { topicName } from './topic-name';

/** How many messages of its topics a consumer group has not committed yet, by the broker's own account. */
export class ConsumerLag {
  private admin: Promise<Admin> | undefined;
  private readonly ages = new BacklogAge();

  constructor(
    private readonly kafka: Kafka,
    private readonly prefix: string,
    private readonly group: string,
  ) {}

  async of(topics: readonly string[]): Promise<TopicLag[]> {
    const admin = await (this.admin ??= this.connect());
    const committed = await Promise.all(
      [...byKafkaGroup(this.group, topics)].map(([group, ofGroup]) =>
        admin.fetchOffsets({
          groupId: topicName(this.prefix, group),
          topics: ofGroup.map((topic) => topicName(this.prefix, topic)),
        }),
      ),
    );
    const lags = await Promise.all(
      topics.map(async (topic) => {
        const name = topicName(this.prefix, topic);
        const partitions = committed.flat().find((entry) => entry.topic === name)?.partitions ?? [];
        const offsets = new Map(partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
        return (await admin.fetchTopicOffsets(name)).map(({ partition, low, high }) => {
          const offset = offsets.get(partition) ?? -1n;
          const handled = offset < 0n ? BigInt(low) : offset;
          const oldestSeconds = this.ages.seconds(`${topic}/${partition}`, Number(high), Number(handled));
          return { topic, partition, lag: Number(BigInt(high) - handled), oldestSeconds };
        });
      }),
    );
    return lags.flat();
  }

  async close(): Promise<void> {
    const admin = await this.admin?.catch(() => undefined);
    await admin?.disconnect();
  }

  private async connect(): Promise<Admin> {
    const admin = this.kafka.admin();
    try {
      await admin.connect();
    } catch (error) {
      this.admin = undefined;
      throw error;
    }
    return admin;
  }
}
