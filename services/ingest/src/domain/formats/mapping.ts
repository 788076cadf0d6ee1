import Type, { type Static } from 'typebox';
import { Closed, Literals, Text } from '#contracts/schema';
import { DomainError, isJsonObject, type JsonObject } from '#libs/kernel';
import { AlertFields } from './alert-fields';
import type { AlertFormat, NormalizedAlert, Reception } from './alert-format';
import { severityOfWord, type SeverityName } from './alert-severity';
import { attackIds } from './attack-ids';
import { detectionFinding } from './detection-finding';

const Path = Text(200);
/** One path, or several to be tried in turn. */
const Paths = Type.Union([Path, Type.Array(Path, { minItems: 1, maxItems: 20 })]);
const SeverityWord = Literals('unknown', 'informational', 'low', 'medium', 'high', 'critical', 'fatal');

const FIELDS = [
  'title',
  'description',
  'time',
  'rule',
  'rule_name',
  'type',
  'attack',
  'link',
  'source_ip',
  'source_port',
  'source_host',
  'destination_ip',
  'destination_port',
  'destination_host',
  'destination_domain',
  'host',
  'host_ip',
  'user',
  'user_domain',
  'user_email',
  'other_users',
  'process',
  'process_path',
  'process_id',
  'command_line',
  'parent_process',
  'parent_command_line',
  'process_hashes',
  'file',
  'file_path',
  'file_hashes',
  'url',
  'query',
  'protocol',
  'action',
] as const;
type FieldName = (typeof FIELDS)[number];

/** A format that an operator describes in a small YAML file: where each part of an alert stands. */
export const Mapping = Closed({
  /** As in `?format=` and in a source's settings. */
  name: Type.String({ pattern: '^[a-z][a-z0-9-]{0,49}$' }),
  product: Closed({ name: Text(100), vendor: Text(100) }),
  /** Where the alert lies when it comes wrapped, such as `_source` for a search hit; unwrapped when it is there. */
  unwrap: Type.Optional(Path),
  /** An alert with all of these fields is taken for this format when its source does not say what it sends. */
  recognize: Type.Optional(Type.Array(Path, { minItems: 1, maxItems: 20 })),
  /**
   * The alert's own id: the first alternative that is there. A list within the list is an id in several parts, of which
   * the first must be there. `$digest` stands for the digest of the whole alert.
   */
  id: Type.Array(Paths, { minItems: 1, maxItems: 20 }),
  severity: Type.Optional(
    Closed({
      field: Paths,
      /** The first range whose `up_to` is not below the number. */
      ranges: Type.Optional(
        Type.Array(Closed({ up_to: Type.Number(), is: SeverityWord }), { minItems: 1, maxItems: 50 }),
      ),
      words: Type.Optional(Type.Record(Type.String(), SeverityWord)),
      default: Type.Optional(SeverityWord),
    }),
  ),
  fields: Closed(Object.fromEntries(FIELDS.map((name) => [name, Type.Optional(Paths)])) as FieldSchemas),
});
export type Mapping = Static<typeof Mapping>;
type FieldSchemas = Record<FieldName, ReturnType<typeof Type.Optional<typeof Paths>>>;

const DIGEST = '$digest';

/** The format that a valid mapping describes. */
export function mappedFormat(mapping: Mapping): AlertFormat {
  const pathsOf = (name: FieldName): readonly string[] => [mapping.fields[name] ?? []].flat();
  return {
    name: mapping.name,
    title: `${mapping.product.vendor} ${mapping.product.name}, by mapping`,

    recognizes(alert) {
      const fields = new AlertFields(unwrapped(mapping, alert));
      return mapping.recognize !== undefined && mapping.recognize.every((path) => fields.has(path));
    },

    normalize(alert, reception): NormalizedAlert {
      const fields = new AlertFields(unwrapped(mapping, alert));
      const text = (name: FieldName) => fields.text(...pathsOf(name));
      const every = (name: FieldName) => fields.everyText(...pathsOf(name));
      const identity = identityOf(mapping, alert, fields, reception);
      const attack = attackIds(every('attack'));
      const user = text('user');
      const finding = detectionFinding({
        product: mapping.product,
        uid: identity.join('|'),
        title: text('title'),
        description: text('description'),
        time: fields.time(...pathsOf('time')) ?? reception.receivedAt,
        severity: severityOf(mapping, fields),
        rule: { uid: text('rule'), name: text('rule_name') ?? text('title') },
        types: every('type'),
        attack,
        sourceUrl: text('link'),
        source: {
          ip: text('source_ip'),
          port: fields.port(...pathsOf('source_port')),
          hostname: text('source_host'),
        },
        destination: {
          ip: text('destination_ip'),
          port: fields.port(...pathsOf('destination_port')),
          hostname: text('destination_host'),
          domain: text('destination_domain'),
        },
        host: { hostname: text('host'), ip: text('host_ip') },
        user: { name: user, domain: text('user_domain'), email: text('user_email') },
        otherUsers: every('other_users').filter((name) => name !== user),
        process: {
          name: text('process'),
          path: text('process_path'),
          pid: fields.number(...pathsOf('process_id')),
          commandLine: text('command_line'),
          hashes: every('process_hashes'),
          parentName: text('parent_process'),
          parentCommandLine: text('parent_command_line'),
        },
        file: { name: text('file'), path: text('file_path'), hashes: every('file_hashes') },
        urls: every('url'),
        queries: every('query'),
        protocol: text('protocol'),
        disposition: text('action'),
      });
      return { identity, finding, attack };
    },
  };
}

function unwrapped(mapping: Mapping, alert: JsonObject): JsonObject {
  if (mapping.unwrap === undefined) return alert;
  const [inner] = new AlertFields(alert).values(mapping.unwrap);
  return isJsonObject(inner) ? inner : alert;
}

function identityOf(mapping: Mapping, alert: JsonObject, fields: AlertFields, reception: Reception): string[] {
  const outer = new AlertFields(alert);
  for (const alternative of mapping.id) {
    const [first = '', ...others] = [alternative].flat();
    if (first === DIGEST) return [reception.digest];
    const textAt = (path: string) => fields.text(path) ?? outer.text(path);
    const id = textAt(first);
    if (id !== undefined) return [id, ...others.map((path) => textAt(path) ?? '')];
  }
  throw new DomainError('invalid_field', {
    field: [mapping.id[0] ?? ''].flat()[0],
    reason: `is required: mapping ${mapping.name} takes the alert's id from there.`,
  });
}

function severityOf(mapping: Mapping, fields: AlertFields): SeverityName | undefined {
  const rules = mapping.severity;
  if (rules === undefined) return undefined;
  const paths = [rules.field].flat();
  const word = fields.text(...paths)?.toLowerCase();
  const byWord = Object.entries(rules.words ?? {}).find(([key]) => key.toLowerCase() === word)?.[1];
  if (byWord !== undefined) return byWord;
  const number = fields.number(...paths);
  const byRange = number === undefined ? undefined : rules.ranges?.find((range) => number <= range.up_to)?.is;
  return byRange ?? severityOfWord(word) ?? rules.default;
}
