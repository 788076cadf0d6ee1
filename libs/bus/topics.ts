import { CATEGORIES, CATEGORY_OWNERS, type Category, type ServiceName } from '#contracts/envelope';
import { ALERTS_TOPIC, deadTopic, ENRICHED_ALERTS_TOPIC, TOPIC_PREFIX } from './port';

/** The topic that carries the events of a category. */
export const eventTopic = (category: Category): string => `${TOPIC_PREFIX}${category}`;

/** The category whose events a topic carries; `undefined` for the topics that are published to directly. */
export function categoryOf(topic: string): Category | undefined {
  return CATEGORIES.find((category) => eventTopic(category) === topic);
}

/** The topics without a stream behind them, and the only service that may publish to each. */
export const DIRECT_TOPIC_OWNERS: Readonly<Record<string, ServiceName>> = {
  [ALERTS_TOPIC]: 'ingest',
  [ENRICHED_ALERTS_TOPIC]: 'enrichment',
};

/** Every topic that carries live messages, dead letters aside. */
export const TOPICS: readonly string[] = [...CATEGORIES.map(eventTopic), ...Object.keys(DIRECT_TOPIC_OWNERS)];

const DEAD_TOPICS: readonly string[] = TOPICS.map(deadTopic);

/** Whether it is the `<topic>.dead` of one of them: what dies there a second time goes no further. */
export const isDeadTopic = (topic: string): boolean => DEAD_TOPICS.includes(topic);

/** A service's consumer group. */
export const consumerGroup = (service: ServiceName): string => `${TOPIC_PREFIX}${service}`;

/** CloudEvents `source`: the service that the message comes from, as a URI reference. */
export const messageSource = (service: ServiceName): string => `/countersign/${service}`;

export const sourceOfCategory = (category: Category): string => messageSource(CATEGORY_OWNERS[category]);
