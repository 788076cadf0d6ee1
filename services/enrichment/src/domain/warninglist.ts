import { RE2JS } from '@bufbuild/re2';
import Type, { type Static } from 'typebox';
import { Literals, Text } from '#contracts/schema';
import { DomainError } from '#libs/kernel';
import { AddressRanges } from './address-ranges';
import { hostOfUrl, type Indicator, type IndicatorType } from './indicator';
import type { ListMatch, LocalList } from './local-list';

/** `list.json` of MISP's warning lists (github.com/MISP/misp-warninglists, schema.json). */
export const WarninglistFile = Type.Object(
  {
    name: Text(500),
    description: Type.Optional(Type.String()),
    version: Type.Optional(Type.Union([Type.Integer(), Type.String()])),
    type: Literals('string', 'hostname', 'cidr', 'substring', 'regex'),
    matching_attributes: Type.Optional(Type.Array(Type.String())),
    list: Type.Array(Type.String({ maxLength: 4096 })),
  },
  { additionalProperties: true },
);
export type WarninglistFile = Static<typeof WarninglistFile>;

/** MISP's attribute types that we have a type for; `domain|ip` is either. */
const TYPES_OF_ATTRIBUTE: readonly (readonly [RegExp, readonly IndicatorType[]])[] = [
  [/(^|\|)(ip-src|ip-dst|ip)(\||$)/, ['ip']],
  [/(^|\|)(domain|hostname)(\||$)/, ['domain', 'hostname']],
  [/(^|\|)(url|uri|link)(\||$)/, ['url']],
  [/(^|\|)(md5|sha\d+)(\||$)/, ['hash']],
  [/email/, ['email']],
  [/(^|\|)(github-username|target-user|account)(\||$)/, ['username']],
];
const ALL_TYPES: readonly IndicatorType[] = ['ip', 'domain', 'hostname', 'url', 'hash', 'email', 'username'];

/** Expressions are tried one after the other, so there may be so many. */
const MOST_EXPRESSIONS = 2_000;

/**
 * A warning list, which knows what often is a false alarm.
 * @throws DomainError('invalid_field') naming the entry that cannot be used.
 */
export function warninglist(name: string, file: WarninglistFile): LocalList {
  const types = typesOf(file.matching_attributes);
  const find = finderOf(file);
  const says = (entry: string): ListMatch => ({
    list: name,
    kind: 'warninglist',
    entry,
    verdict: 'benign',
    score: 0,
    comment: file.name,
  });
  return {
    name,
    kind: 'warninglist',
    entries: file.list.length,
    match(indicator) {
      if (!types.has(indicator.type)) return undefined;
      const entry = find(indicator);
      return entry === undefined ? undefined : says(entry);
    },
  };
}

function typesOf(attributes: readonly string[] | undefined): ReadonlySet<IndicatorType> {
  if (attributes === undefined || attributes.length === 0) return new Set(ALL_TYPES);
  return new Set(
    attributes.flatMap((attribute) =>
      TYPES_OF_ATTRIBUTE.flatMap(([pattern, types]) => (pattern.test(attribute) ? types : [])),
    ),
  );
}

type Finder = (indicator: Indicator) => string | undefined;

function finderOf({ type, list }: WarninglistFile): Finder {
  switch (type) {
    case 'string':
      return byValue(list);
    case 'hostname':
      return byHost(list);
    case 'cidr':
      return byRange(list);
    case 'substring':
      return bySubstring(list);
    case 'regex':
      return byExpression(list);
  }
}

function byValue(list: readonly string[]): Finder {
  const entries = new Map(list.map((entry) => [entry.trim().toLowerCase(), entry]));
  return ({ value }) => entries.get(value.toLowerCase());
}

/** A name, and every name below it. Of a URL, its host. */
function byHost(list: readonly string[]): Finder {
  const entries = new Map(
    list.map((entry) => [
      entry
        .trim()
        .toLowerCase()
        .replace(/^\*?\./, ''),
      entry,
    ]),
  );
  return (indicator) => {
    const host = indicator.type === 'url' ? hostOfUrl(indicator.value)?.value : indicator.value.toLowerCase();
    for (let name = host ?? ''; name !== ''; name = name.slice(name.indexOf('.') + 1)) {
      const found = entries.get(name);
      if (found !== undefined) return found;
      if (!name.includes('.')) return undefined;
    }
    return undefined;
  };
}

function byRange(list: readonly string[]): Finder {
  const ranges = new AddressRanges<string>();
  for (const [index, entry] of list.entries()) {
    if (!ranges.add(entry, entry)) throw unusable(index, `'${entry}' is no address range such as 192.0.2.0/24.`);
  }
  return ({ type, value }) => ranges.find(type === 'url' ? (hostOfUrl(value)?.value ?? '') : value);
}

const GRAM = 4;

/** By the first letters of each entry: lists of this kind have thousands, of which a value holds hardly any. */
function bySubstring(list: readonly string[]): Finder {
  const short: (readonly [part: string, entry: string])[] = [];
  const byStart = new Map<string, (readonly [part: string, entry: string])[]>();
  for (const entry of list) {
    const part = entry.toLowerCase();
    if (part === '') continue;
    if (part.length < GRAM) short.push([part, entry]);
    else byStart.set(part.slice(0, GRAM), [...(byStart.get(part.slice(0, GRAM)) ?? []), [part, entry]]);
  }
  return ({ value }) => {
    const whole = value.toLowerCase();
    for (let start = 0; start + GRAM <= whole.length; start += 1) {
      const found = byStart.get(whole.slice(start, start + GRAM))?.find(([part]) => whole.startsWith(part, start));
      if (found !== undefined) return found[1];
    }
    return short.find(([part]) => whole.includes(part))?.[1];
  };
}

/** By RE2, which takes linear time whatever the expression is; look-arounds and back references it refuses. */
function byExpression(list: readonly string[]): Finder {
  if (list.length > MOST_EXPRESSIONS) throw unusable(MOST_EXPRESSIONS, `at most ${MOST_EXPRESSIONS} are taken.`);
  const expressions = list.map((entry, index) => [compiled(entry, index), entry] as const);
  return ({ value }) => expressions.find(([expression]) => expression.test(value))?.[1];
}

/** MISP's server wants delimiters around an expression, its Python library none: both are taken. */
function compiled(entry: string, index: number): RE2JS {
  const [, inner, flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(entry) ?? [];
  const pattern = inner ?? entry;
  try {
    return new RE2JS(inner === undefined || flags.includes('i') ? `(?i)${pattern}` : pattern);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unusable(index, `'${entry.slice(0, 100)}' is no expression of RE2: ${why}.`);
  }
}

const unusable = (index: number, reason: string): DomainError =>
  new DomainError('invalid_field', { field: `list[${index}]`, reason });
