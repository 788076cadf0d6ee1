import type { Admin, Kafka } from 'kafkajs';
import { byKafkaGroup } from './kafka-groups';
import { topicName } from './topic-name';

/** How many messages of its topics a consumer group has not committed yet, by the broker's own account. */
export class ConsumerLag {
  private admin: Promise<Admin> | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly prefix: string,
    private readonly group: string,
  ) {}

  async of(topics: readonly string[]): Promise<{ topic: string; lag: number }[]> {
    const admin = await (this.admin ??= this.connect());
    const committed = await Promise.all(
      [...byKafkaGroup(this.group, topics)].map(([group, ofGroup]) =>
        admin.fetchOffsets({
          groupId: topicName(this.prefix, group),
          topics: ofGroup.map((topic) => topicName(this.prefix, topic)),
        }),
      ),
    );
    return Promise.all(
      topics.map(async (topic) => {
        const name = topicName(this.prefix, topic);
        const partitions = committed.flat().find((entry) => entry.topic === name)?.partitions ?? [];
        const offsets = new Map(partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
        let lag = 0n;
        for (const { partition, low, high } of await admin.fetchTopicOffsets(name)) {
          const offset = offsets.get(partition) ?? -1n;
          lag += BigInt(high) - (offset < 0n ? BigInt(low) : offset);
        }
        return { topic, lag: Number(lag) };
      }),
    );
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
