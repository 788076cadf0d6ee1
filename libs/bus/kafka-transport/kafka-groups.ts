import { kafkaGroup } from '#contracts/topics';

/** The topics of a consumer group by the group under which Kafka knows who reads them. */
export function byKafkaGroup(group: string, topics: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const topic of topics) {
    const name = kafkaGroup(group, topic);
    groups.set(name, [...(groups.get(name) ?? []), topic]);
  }
  return groups;
}
