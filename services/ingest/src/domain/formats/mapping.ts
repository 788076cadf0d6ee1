import Type, { type Static } from 'typebox';
import { Closed, Text } from '#contracts/schema';
import { DomainError, isJsonObject, type JsonObject } from '#libs/kernel';
import { AlertFields, shortened } from './alert-fields';
import type { AlertFormat, NormalizedAlert, Reception } from './alert-format';
import { parseTime } from './alert-time';
import { attackIds, tacticIds } from './attack-ids';
import { detectionFinding } from './detection-finding';
import { mappedSeverity, SeverityRules } from './mapped-severity';

const Path = Text(200);
/** One path, or several to be tried in turn. */
const Paths = Type.Union([Path, Type.Array(Path, { minItems: 1, maxItems: 20 })]);

const FIELDS = [
  'title',
  'description',
  'time',
  'rule',
  'rule_name',
  'type',
  'attack',
  'tactic',
  'link',
  'first_seen',
  'last_seen',
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
  /**
   * Sets the ids of this format apart from those of other formats of one source, where a product numbers its incidents
   * and its alerts each from 1.
   */
  namespace: Type.Optional(Text(50)),
  /** Where the alert lies when it comes wrapped, such as `_source` for a search hit; unwrapped when it is there. */
  unwrap: Type.Optional(Paths),
  /**
   * Where a reply of the product's API keeps its alerts, such as `reply.alerts`: a list, or an object of alerts by their
   * ids. Such a page is taken apart, and each of its alerts is received by itself.
   */
  pages: Type.Optional(Type.Array(Path, { minItems: 1, maxItems: 20 })),
  /**
   * An alert with all of these fields is taken for this format when its source does not say what it sends. A list within
   * the list is fulfilled by any of its paths.
   */
  recognize: Type.Optional(Type.Array(Paths, { minItems: 1, maxItems: 20 })),
  /** Tells alerts from the product's other records: one with another value in `field` is refused by that value. */
  only: Type.Optional(Closed({ field: Paths, is: Type.Array(Text(200), { minItems: 1, maxItems: 50 }) })),
  /**
   * The alert's own id: the first alternative that is there. A list within the list is an id in several parts, of which
   * the first must be there. `$digest` stands for the digest of the whole alert.
   */
  id: Type.Array(Paths, { minItems: 1, maxItems: 20 }),
  severity: Type.Optional(SeverityRules),
  fields: Closed(Object.fromEntries(FIELDS.map((name) => [name, Type.Optional(Paths)])) as FieldSchemas),
});
export type Mapping = Static<typeof Mapping>;
type FieldSchemas = Record<FieldName, ReturnType<typeof Type.Optional<typeof Paths>>>;

const DIGEST = '$digest';

/** The format that a valid mapping describes. */
export function mappedFormat(mapping: Mapping): AlertFormat {
  const paths = new Map(FIELDS.map((name) => [name, [mapping.fields[name] ?? []].flat()]));
  const pathsOf = (name: FieldName): readonly string[] => paths.get(name) ?? [];
  const demanded = (mapping.recognize ?? []).map((paths) =>
    [paths].flat().map((path) => ({ path, root: rootOf(path) })),
  );
  return {
    name: mapping.name,
    title: `${mapping.product.vendor} ${mapping.product.name}, by mapping`,

    pages: mapping.pages,

    recognizes(alert) {
      const inner = unwrapped(mapping, alert);
      const roots = rootsOf(inner);
      if (demanded.length === 0 || !demanded.every((paths) => paths.some(({ root }) => roots.has(root)))) return false;
      const fields = new AlertFields(inner);
      return demanded.every((paths) => paths.some(({ path }) => fields.has(path)));
    },

    normalize(alert, reception): NormalizedAlert {
      const fields = new AlertFields(unwrapped(mapping, alert));
      const text = (name: FieldName) => fields.text(...pathsOf(name));
      const every = (name: FieldName) => fields.everyText(...pathsOf(name));
      demandKind(mapping, fields);
      const identity = identityOf(mapping, alert, fields, reception);
      const attack = [...new Set([...attackIds(every('attack')), ...tacticIds(every('tactic'))])];
      const user = text('user');
      const finding = detectionFinding({
        product: mapping.product,
        uid: identity.join('|'),
        title: text('title'),
        description: text('description'),
        time: fields.time(...pathsOf('time')) ?? reception.receivedAt,
        severity: mappedSeverity(mapping.severity, fields),
        rule: { uid: text('rule'), name: text('rule_name') ?? text('title') },
        types: every('type'),
        attack,
        sourceUrl: text('link'),
        firstSeen: timeOf(fields, pathsOf('first_seen')),
        lastSeen: timeOf(fields, pathsOf('last_seen')),
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
      return {
        identity: [...(mapping.namespace === undefined ? [] : [mapping.namespace]), ...identity],
        finding,
        attack,
      };
    },
  };
}

/** Beside the time of the alert itself: one that cannot be read is left out. */
function timeOf(fields: AlertFields, paths: readonly string[]): number | undefined {
  const text = fields.text(...paths);
  return text === undefined ? undefined : parseTime(text);
}

/** Of an alert that no format is named for, many mappings ask what keys it has. */
const knownRoots = new WeakMap<JsonObject, ReadonlySet<string>>();

/** The keys of an alert; of a flat key with dots its first part. */
function rootsOf(alert: JsonObject): ReadonlySet<string> {
  const known = knownRoots.get(alert);
  if (known !== undefined) return known;
  const roots = new Set(Object.keys(alert).map(rootOf));
  knownRoots.set(alert, roots);
  return roots;
}

function rootOf(path: string): string {
  const dot = path.indexOf('.');
  return dot < 0 ? path : path.slice(0, dot);
}

function unwrapped(mapping: Mapping, alert: JsonObject): JsonObject {
  if (mapping.unwrap === undefined) return alert;
  for (const path of [mapping.unwrap].flat()) {
    if (!rootsOf(alert).has(rootOf(path))) continue;
    const [inner] = new AlertFields(alert).values(path);
    if (isJsonObject(inner)) return inner;
  }
  return alert;
}

function demandKind(mapping: Mapping, fields: AlertFields): void {
  if (mapping.only === undefined) return;
  const paths = [mapping.only.field].flat();
  const kind = fields.text(...paths);
  if (kind === undefined || mapping.only.is.includes(kind)) return;
  throw new DomainError('invalid_field', {
    field: paths.find((path) => fields.text(path) !== undefined),
    reason: `is '${shortened(kind)}': only records of ${mapping.only.is.join(', ')} are alerts.`,
  });
}

function identityOf(mapping: Mapping, alert: JsonObject, fields: AlertFields, reception: Reception): string[] {
  const outer = new AlertFields(alert);
  for (const alternative of mapping.id) {
    const [first = '', ...others] = [alternative].flat();
    const textAt = (path: string) => (path === DIGEST ? reception.digest : (fields.text(path) ?? outer.text(path)));
    const id = textAt(first);
    if (id !== undefined) return [id, ...others.map((path) => textAt(path) ?? '')];
  }
  throw new DomainError('invalid_field', {
    field: [mapping.id[0] ?? ''].flat()[0],
    reason: `is required: mapping ${mapping.name} takes the alert's id from there.`,
  });
}
