import { ALERT_MESSAGES } from './alert';
import { CATEGORIES, CATEGORY_OWNERS, type Category, type ServiceName, SERVICES } from './envelope';
import { EVENT_CONTRACTS } from './events/index';
import type { VersionedContract } from './versioned-contract';

/** Topics are `countersign.<category>`, those that ingest and enrichment publish to, a lane each, and `<topic>.dead`. */
const TOPIC_PREFIX = 'countersign.';
export const ALERTS_TOPIC = 'countersign.alerts';
export const URGENT_ALERTS_TOPIC = 'countersign.alerts.urgent';
export const BULK_ALERTS_TOPIC = 'countersign.alerts.bulk';
export const ENRICHED_ALERTS_TOPIC = 'countersign.alerts.enriched';
export const URGENT_ENRICHED_ALERTS_TOPIC = 'countersign.alerts.enriched.urgent';
export const BULK_ENRICHED_ALERTS_TOPIC = 'countersign.alerts.enriched.bulk';

/**
 * Alerts travel in lanes, so that no source's flood delays another's alert: grave ones in `urgent`, what a source sends
 * beyond its share in `bulk`. An alert stays in its lane; each has its own backlog, and they are read side by side.
 */
export type Lane = 'urgent' | 'ordinary' | 'bulk';
export const ALERT_TOPICS: Readonly<Record<Lane, string>> = {
  urgent: URGENT_ALERTS_TOPIC,
  ordinary: ALERTS_TOPIC,
  bulk: BULK_ALERTS_TOPIC,
};
export const ENRICHED_ALERT_TOPICS: Readonly<Record<Lane, string>> = {
  urgent: URGENT_ENRICHED_ALERTS_TOPIC,
  ordinary: ENRICHED_ALERTS_TOPIC,
  bulk: BULK_ENRICHED_ALERTS_TOPIC,
};
const LANES: readonly Lane[] = ['urgent', 'ordinary', 'bulk'];

/** Of one of the topics of alerts; `undefined` for any other. */
export const laneOf = (topic: string): Lane | undefined =>
  LANES.find((lane) => ALERT_TOPICS[lane] === topic || ENRICHED_ALERT_TOPICS[lane] === topic);

export const deadTopic = <Topic extends string>(topic: Topic): `${Topic}.dead` => `${topic}.dead`;

/** The topic that carries the events of a category. */
export const eventTopic = (category: Category): string => `${TOPIC_PREFIX}${category}`;

/** The category whose events a topic carries; `undefined` for the topics that are published to directly. */
export function categoryOf(topic: string): Category | undefined {
  return CATEGORIES.find((category) => eventTopic(category) === topic);
}

/** The topics without a stream behind them, and the only service that may publish to each. */
export const DIRECT_TOPIC_OWNERS: Readonly<Record<string, ServiceName>> = {
  ...ownedBy('ingest', ALERT_TOPICS),
  ...ownedBy('enrichment', ENRICHED_ALERT_TOPICS),
};

function ownedBy(service: ServiceName, topics: Readonly<Record<Lane, string>>): Record<string, ServiceName> {
  return Object.fromEntries(Object.values(topics).map((topic) => [topic, service]));
}

/** Every topic that carries live messages, dead letters aside. */
export const TOPICS: readonly string[] = [...CATEGORIES.map(eventTopic), ...Object.keys(DIRECT_TOPIC_OWNERS)];

const DEAD_TOPICS: readonly string[] = TOPICS.map(deadTopic);

/** Whether it is the `<topic>.dead` of one of them: what dies there a second time goes no further. */
export const isDeadTopic = (topic: string): boolean => DEAD_TOPICS.includes(topic);

/** The topic that messages of a `<topic>.dead` had died on; any other topic is its own. */
export const liveTopic = (topic: string): string =>
  isDeadTopic(topic) ? topic.slice(0, -deadTopic('').length) : topic;

/** What a service reacts to: the topics of its `@EventPattern` handlers. */
export const CONSUMED_TOPICS: Readonly<Record<ServiceName, readonly string[]>> = {
  gateway: [],
  ingest: (['alert', 'audit'] as const).map(eventTopic),
  enrichment: Object.values(ALERT_TOPICS),
  case: [
    ...Object.values(ENRICHED_ALERT_TOPICS),
    ...Object.values(ALERT_TOPICS).map(deadTopic),
    ...Object.values(ENRICHED_ALERT_TOPICS).map(deadTopic),
    ...(['run', 'approval', 'action', 'audit'] as const).map(eventTopic),
  ],
  'playbook-orchestrator': (['case', 'approval', 'action', 'connection', 'policy', 'audit'] as const).map(eventTopic),
  approval: (['run', 'playbook', 'connection', 'case', 'action', 'audit'] as const).map(eventTopic),
  connector: (['run', 'approval', 'policy', 'audit'] as const).map(eventTopic),
  ledger: [],
};

export const consumersOf = (topic: string): ServiceName[] =>
  SERVICES.filter((service) => CONSUMED_TOPICS[service].includes(topic));

const { AlertReceived, AlertRefused, AlertEnriched } = ALERT_MESSAGES;
const CONTRACTS = new Map<string, Readonly<Record<string, VersionedContract>>>([
  ...CATEGORIES.map((category) => [eventTopic(category), EVENT_CONTRACTS[category]] as const),
  ...Object.values(ALERT_TOPICS).map((topic) => [topic, { AlertReceived, AlertRefused }] as const),
  ...Object.values(ENRICHED_ALERT_TOPICS).map((topic) => [topic, { AlertEnriched, AlertRefused }] as const),
]);

/** The contracts of what a live topic carries, by type. */
export const contractsOf = (topic: string): Readonly<Record<string, VersionedContract>> => CONTRACTS.get(topic) ?? {};

/** `undefined` for a type that the topic's contracts do not have. */
export function messageContract(topic: string, type: string): VersionedContract | undefined {
  const contracts = contractsOf(topic);
  return Object.hasOwn(contracts, type) ? contracts[type] : undefined;
}

/** A service's consumer group. */
export const consumerGroup = (service: ServiceName): string => `${TOPIC_PREFIX}${service}`;

/**
 * The group under which Kafka knows who reads a topic. The urgent lane has one of its own: within one, what is urgent
 * would wait until everything that was fetched before it has been handled.
 */
export const kafkaGroup = (group: string, topic: string): string =>
  laneOf(topic) === 'urgent' ? `${group}.urgent` : group;

/** CloudEvents `source`: the service that the message comes from, as a URI reference. */
export const messageSource = (service: ServiceName): string => `/countersign/${service}`;

export const sourceOfCategory = (category: Category): string => messageSource(CATEGORY_OWNERS[category]);

/** The only service whose messages a live topic carries. */
export const ownerOf = (topic: string): ServiceName | undefined => {
  const category = categoryOf(topic);
  return category === undefined ? DIRECT_TOPIC_OWNERS[topic] : CATEGORY_OWNERS[category];
};
