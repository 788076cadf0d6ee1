import { readFileSync } from 'node:fs';
import Type, { type Static } from 'typebox';
import { Closed, Literals, Text } from '#contracts/schema';
import { DomainError } from '#libs/kernel';
import { parseSettings } from '#libs/service';

const VARIABLE = 'COUNTERSIGN_KAFKA_SOURCES_FILE';

const Topic = Closed({
  topic: Type.String({ pattern: '^[A-Za-z0-9._-]{1,249}$' }),
  /** The registered source whose alerts these are. */
  source: Text(200),
  tenant: Type.Optional(Text(100)),
  /** A format or a mapping; the source's, or what the alert looks like, unless told. */
  format: Type.Optional(Type.String({ pattern: '^[a-z][a-z0-9-]{0,49}$' })),
  from: Type.Optional(Literals('earliest', 'latest')),
  group: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._-]{1,249}$' })),
});

const Cluster = Closed({
  /** Part of the identity of alerts without an id of their own: it stays. */
  name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,49}$' }),
  brokers: Type.Array(Text(300), { minItems: 1, maxItems: 50 }),
  tls: Type.Optional(
    Type.Union([
      Type.Boolean(),
      Closed({
        ca_file: Type.Optional(Text(1_000)),
        cert_file: Type.Optional(Text(1_000)),
        key_file: Type.Optional(Text(1_000)),
      }),
    ]),
  ),
  sasl: Type.Optional(
    Closed({
      mechanism: Literals('plain', 'scram-sha-256', 'scram-sha-512'),
      username: Text(200),
      password: Type.String({ pattern: '^secret://' }),
    }),
  ),
  topics: Type.Array(Topic, { minItems: 1, maxItems: 200 }),
});

const KafkaSourcesFile = Closed({ clusters: Type.Array(Cluster, { minItems: 1, maxItems: 20 }) });

export type KafkaSourceTopic = Required<Omit<Static<typeof Topic>, 'format'>> & { readonly format?: string };
export type KafkaSourceCluster = Omit<Static<typeof Cluster>, 'topics'> & {
  readonly topics: readonly KafkaSourceTopic[];
};

/**
 * The topics of other people's Kafka clusters that alerts are taken from, as a YAML file names them; none without a file.
 * @throws DomainError('invalid_configuration') naming all that is wrong.
 */
export function readKafkaSources(file: string | undefined): KafkaSourceCluster[] {
  if (file === undefined) return [];
  const { clusters } = parsed(file);
  const whole = clusters.map((cluster) => ({
    ...cluster,
    topics: cluster.topics.map(({ tenant = 'default', from = 'earliest', group, ...topic }) => ({
      ...{ ...topic, tenant, from },
      group: group ?? `countersign.${topic.topic}`,
    })),
  }));
  demandOnce(
    'cluster',
    whole.map(({ name }) => name),
  );
  for (const { name, topics } of whole) {
    demandOnce(
      `topic of the cluster ${name}`,
      topics.map(({ topic }) => topic),
    );
    // Members of one group that read different topics would take each other's partitions away.
    demandOnce(
      `group of the cluster ${name}`,
      topics.map(({ group }) => group),
    );
  }
  return whole;
}

/** What production refuses: clusters that are spoken to in the open. */
export function clustersInTheOpen(clusters: readonly KafkaSourceCluster[]): string[] {
  return clusters
    .filter(({ tls = false }) => tls === false)
    .map(({ name }) => `${VARIABLE}: the cluster ${name} has no tls, which production demands`);
}

function parsed(file: string): Static<typeof KafkaSourcesFile> {
  const refuse = (reason: string) => wrong(`${file} cannot be read: ${reason}`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message : String(cause));
  }
  return parseSettings(KafkaSourcesFile, text, refuse);
}

function demandOnce(what: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw wrong(`The ${what} '${twice}' stands there twice.`);
}

const wrong = (reason: string): DomainError => new DomainError('invalid_configuration', { field: VARIABLE, reason });
