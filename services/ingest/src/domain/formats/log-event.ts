import { isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import { summaryOf } from '../alert-summary';
import { shortened, type AlertFields } from './alert-fields';
import { severityOfWord, type SeverityName } from './alert-severity';
import { attackIds, tacticIds } from './attack-ids';
import { parseLogTime } from './log-time';

/** So many values of one event are told apart; what follows belongs to the last. */
export const MOST_VALUES = 2_000;

const LONGEST_TITLE = 200;
const LONGEST_DESCRIPTION = 32_000;
/** Of what has no place of its own in a finding, which is in the original as well. Bytes. */
const LARGEST_UNMAPPED = 64 * 1024;

export const titleOf = (text: string): string => shortened(text.trim().split('\n')[0] ?? '', LONGEST_TITLE);

export const descriptionOf = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : shortened(text, LONGEST_DESCRIPTION);

/** All that an event says, for OCSF's `unmapped`; enrichment looks for observables there, too. */
export function unmappedOf(values: JsonObject): JsonObject | undefined {
  const bounded = summaryOf(values, LARGEST_UNMAPPED);
  return isJsonObject(bounded) ? bounded : undefined;
}

/** Pairs as an object; of a name that comes again, a list. */
export function gathered(pairs: readonly (readonly [string, JsonValue])[]): JsonObject {
  const values = new Map<string, JsonValue[]>();
  for (const [name, value] of pairs) {
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return Object.fromEntries([...values].map(([name, list]) => [name, list.length === 1 ? (list[0] ?? null) : list]));
}

/** As many fields as a header has, each ended by a pipe that no backslash is before; the last may be the end of the text. */
export function headerFields(text: string, count: number): { readonly fields: string[]; readonly rest: string } {
  const fields: string[] = [];
  let start = 0;
  for (let place = 0; place <= text.length && fields.length < count; place += 1) {
    if (text[place] === '\\') place += 1;
    else if (text[place] === '|' || place === text.length) {
      fields.push(text.slice(start, place).replace(/\\([\\|])/g, '$1'));
      start = place + 1;
    }
  }
  return { fields, rest: text.slice(start) };
}

/** A severity of 0 to 10 in the bands that CEF gives them, or a word. */
export function bandOfTen(text: string | undefined): SeverityName | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!Number.isFinite(number)) return /^very[- ]?high$/i.test(text) ? 'critical' : severityOfWord(text);
  if (number < 0 || number > 10) return undefined;
  if (number <= 3) return 'low';
  if (number <= 6) return 'medium';
  return number <= 8 ? 'high' : 'critical';
}

/** The time at `path`, else that of the syslog message; one that cannot be read is none. */
export function timeOfEvent(fields: AlertFields, receivedAt: number, path = 'syslog.timestamp'): number | undefined {
  const text = fields.text(path);
  return text === undefined ? undefined : parseLogTime(text, receivedAt);
}

const TELLS_ATTACK = /mitre|att&?ck|techni|tactic|\bttp|signature/i;
const TELLS_TACTIC = /tactic/i;

/** ATT&CK ids stand where a key or a label speaks of them; elsewhere `T1000` is a machine as well. */
export function attackOfEvent(values: JsonObject): string[] {
  const texts = textsWhere(values, TELLS_ATTACK);
  return [...new Set([...attackIds(texts), ...tacticIds(textsWhere(values, TELLS_TACTIC))])];
}

const TELLS_HASH = /hash|sha-?\d|md5/i;
const HASH = /\b(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b/gi;

/** Hashes where a key or a label speaks of them, also `sha256:...` and several in one value. */
export function hashesOfEvent(values: JsonObject): string[] {
  const texts = textsWhere(values, TELLS_HASH).map((text) => text.slice(0, 2_000));
  return [...new Set(texts.flatMap((text) => text.match(HASH) ?? []))];
}

/** What is an address of the web, at the keys that `where` names. */
export const webAddresses = (values: JsonObject, where: RegExp): string[] =>
  textsWhere(values, where).filter((text) => /^[a-z][a-z\d+.-]{0,19}:\/\/\S/i.test(text));

function textsWhere(values: JsonObject, where: RegExp): string[] {
  const isText = (value: JsonValue): value is string => typeof value === 'string';
  return Object.entries(values).flatMap(([key, value]) => (where.test(key) ? [value].flat().filter(isText) : []));
}

/** IANA's numbers of what devices see most. */
const PROTOCOLS: Readonly<Record<string, string>> = { '1': 'icmp', '6': 'tcp', '17': 'udp', '58': 'ipv6-icmp' };

export const protocolOf = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : (PROTOCOLS[text] ?? text);
