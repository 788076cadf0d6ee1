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
        return (await placesOf(admin, name, partitions)).map(({ partition, high, handled }) => {
          const oldestSeconds = this.ages.seconds(`${topic}/${partition}`, high, handled);
          return { topic, partition, lag: high - handled, oldestSeconds };
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

/**
 * By partition, where it ends and up to where a group has handled it.
 * @param topic as the broker knows it. @param committed by the group; -1 for what it has not committed.
 */
export async function placesOf(
  admin: Admin,
  topic: string,
  committed: readonly { readonly partition: number; readonly offset: string }[],
): Promise<{ readonly partition: number; readonly high: number; readonly handled: number }[]> {
  const offsets = new Map(committed.map(({ partition, offset }) => [partition, Number(offset)]));
  return (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
    partition,
    high: Number(high),
    // What the broker has dropped meanwhile does not wait any more.
    handled: Math.max(offsets.get(partition) ?? -1, Number(low)),
  }));
}
