import { categoryOf, consumersOf, contractsOf, deadTopic, messageSource, ownerOf, TOPICS } from './topics';
import { PRINCIPAL_KINDS, SERVICES, type ServiceName } from './envelope';
import { type JsonDocument, plain } from './openapi';

/** A message of a topic in one version of its contract. */
interface TopicMessage {
  /** `CaseOpened.v1`: its name within the channel. */
  readonly name: string;
  readonly type: string;
  readonly version: number;
  readonly topic: string;
  /** Of its schema, among the components. */
  readonly schemaName: string;
  readonly schema: unknown;
}

/**
 * AsyncAPI 3.0 of the bus on Kafka: the topics, what each carries in every version that may still be on it, and which
 * services send and receive. Event topics carry what their owner has recorded; the ledger's relay is who puts it there.
 */
export function asyncApiDocument(): JsonDocument {
  const messages = TOPICS.flatMap(messagesOf);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Countersign',
      version: '1',
      description:
        'Services speak to each other by these topics alone. Messages are CloudEvents 1.0 in Kafka’s binary mode, keyed ' +
        'by stream; order holds within a key, and a message may come more than once under the same id. ' +
        'The schemas are of what a handler gets. On its way, what is marked x-personal is sealed: a field is {"enc": ...} then, ' +
        'and `enc` of the data holds the values (docs/ledger-format.md).',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      kafka: {
        host: '{brokers}',
        protocol: 'kafka',
        description: 'TLS and SASL as KAFKA_SSL and KAFKA_SASL_MECHANISM say.',
        variables: { brokers: { default: 'localhost:9092', description: 'KAFKA_BROKERS' } },
      },
    },
    channels: Object.fromEntries(TOPICS.flatMap((topic) => [liveChannel(topic), deadChannel(topic)])),
    operations: Object.fromEntries(TOPICS.flatMap((topic) => [...sending(topic), ...receiving(topic)])),
    components: {
      messages: {
        ...Object.fromEntries(messages.map((message) => [componentName(message), messageDocument(message)])),
        DeadLetter: DEAD_LETTER,
      },
      schemas: {
        Headers: HEADERS,
        DeathHeaders: DEATH_HEADERS,
        ...Object.fromEntries(messages.map(({ schemaName, schema }) => [schemaName, plain(schema)])),
      },
    },
  };
}

function messagesOf(topic: string): TopicMessage[] {
  const group = categoryOf(topic);
  return Object.values(contractsOf(topic)).flatMap(({ type, schema, earlier }) =>
    [...earlier.map((version) => version.schema), schema].map((data, index) => {
      const name = `${type}.v${index + 1}`;
      const schemaName = group === undefined ? name : `${group}.${name}`;
      return { name, type, version: index + 1, topic, schemaName, schema: data };
    }),
  );
}

const componentName = ({ topic, name }: TopicMessage): string => `${topic}.${name}`;
const reference = (path: string): JsonDocument => ({ $ref: `#/${path}` });

function liveChannel(topic: string): [string, JsonDocument] {
  const messages = messagesOf(topic).map((message) => [
    message.name,
    reference(`components/messages/${componentName(message)}`),
  ]);
  const category = categoryOf(topic);
  const description =
    category === undefined
      ? `What ${String(ownerOf(topic))} publishes itself.`
      : `The events of the category ${category} of the ledger, in stream order.`;
  return [topic, { address: topic, description, messages: Object.fromEntries(messages) }];
}

function deadChannel(topic: string): [string, JsonDocument] {
  const description = `What a consumer group could not take in from ${topic}: the message as it was, and why it died.`;
  const messages = { DeadLetter: reference('components/messages/DeadLetter') };
  return [deadTopic(topic), { address: deadTopic(topic), description, messages }];
}

function sending(topic: string): [string, JsonDocument][] {
  const owner = ownerOf(topic);
  const messages = messagesOf(topic).map(({ name }) => name);
  return [
    ...(owner === undefined || messages.length === 0 ? [] : [operation(owner, 'send', topic, messages)]),
    ...consumersOf(topic).map((service) => operation(service, 'send', deadTopic(topic), ['DeadLetter'])),
  ];
}

function receiving(topic: string): [string, JsonDocument][] {
  const messages = messagesOf(topic).map(({ name }) => name);
  return [
    ...consumersOf(topic).map((service) => operation(service, 'receive', topic, messages)),
    ...consumersOf(deadTopic(topic)).map((service) => operation(service, 'receive', deadTopic(topic), ['DeadLetter'])),
  ];
}

function operation(
  service: ServiceName,
  action: 'send' | 'receive',
  topic: string,
  messages: readonly string[],
): [string, JsonDocument] {
  return [
    `${service}.${action}.${topic}`,
    {
      action,
      channel: reference(`channels/${topic}`),
      messages: messages.map((name) => reference(`channels/${topic}/messages/${name}`)),
      tags: [{ name: service }],
    },
  ];
}

function messageDocument({ type, version, topic, schemaName }: TopicMessage): JsonDocument {
  const category = categoryOf(topic);
  const owner = ownerOf(topic);
  return {
    name: type,
    title: `${type}, version ${version}`,
    contentType: 'application/json',
    headers: {
      allOf: [
        reference('components/schemas/Headers'),
        {
          type: 'object',
          ...(category !== undefined && { required: ['ce_streamversion'] }),
          properties: {
            ce_type: { const: type },
            ce_schemaversion: { const: String(version) },
            ...(owner !== undefined && { ce_source: { const: messageSource(owner) } }),
          },
        },
      ],
    },
    payload: reference(`components/schemas/${schemaName}`),
    bindings: KEYED,
  };
}

const KEYED: JsonDocument = {
  kafka: {
    key: { type: 'string', minLength: 1, description: 'The stream; of an alert its id.' },
    bindingVersion: '0.5.0',
  },
};

const text = (description: string, more: JsonDocument = {}): JsonDocument => ({ type: 'string', description, ...more });

/** As libs/bus writes and reads them (CloudEvents 1.0, Kafka Protocol Binding, section 3.2). */
const HEADERS: JsonDocument = {
  type: 'object',
  required: [
    ...['ce_specversion', 'ce_id', 'ce_source', 'ce_type', 'ce_time', 'ce_subject', 'content-type'],
    ...['ce_tenant', 'ce_schemaversion', 'ce_actorkind', 'ce_actorid', 'ce_correlationid'],
  ],
  properties: {
    ce_specversion: { const: '1.0' },
    ce_id: text('Of the event, or of the reception: the same at every redelivery.'),
    ce_source: text('The service that it comes from.', { enum: SERVICES.map(messageSource) }),
    ce_type: text('The type of the event.'),
    ce_time: text('When it was recorded.', { format: 'date-time' }),
    ce_subject: text('The key.'),
    'content-type': { const: 'application/json' },
    ce_tenant: text('Whose it is.'),
    ce_schemaversion: text('The version of the contract of the data.', { pattern: '^[1-9]\\d*$' }),
    ce_actorkind: text('What kind of principal did it.', { enum: [...PRINCIPAL_KINDS] }),
    ce_actorid: text('Who did it.', { 'x-personal': 'person' }),
    ce_actorbehalfof: text('The human behind an agent.', { 'x-personal': 'person' }),
    ce_correlationid: text('The same for everything that one reception, request or schedule led to.'),
    ce_causationid: text('The id of the message or event that caused this one.'),
    ce_traceparent: text('W3C Trace Context.'),
    ce_streamversion: text('Of the event in its stream: what has been seen can be told from what has not.', {
      pattern: '^[1-9]\\d*$',
    }),
  },
};

const DEATH_HEADERS: JsonDocument = {
  type: 'object',
  required: ['ce_deadgroup', 'ce_deadcode', 'ce_deadreason'],
  properties: {
    ce_deadgroup: text('The consumer group that could not take it in.'),
    ce_deadcode: text('A code of the error catalogue.'),
    ce_deadreason: text('What was wrong with it.'),
    ce_deadfield: text('The field that was wrong.'),
  },
};

const DEAD_LETTER: JsonDocument = {
  name: 'DeadLetter',
  title: 'A message that died',
  description:
    'The headers and the value are those of the message. What was no CloudEvent in the first place keeps the bytes that ' +
    'came, and has the headers of its death alone to go by.',
  headers: reference('components/schemas/DeathHeaders'),
  payload: {},
  bindings: KEYED,
};
