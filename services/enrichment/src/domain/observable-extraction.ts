import type { AlertReceived } from '#contracts/alert';
import { isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import {
  asAddress,
  asDomain,
  asEmail,
  asHash,
  asHostname,
  asUrl,
  asUsername,
  hostOfUrl,
  type Indicator,
} from './indicator';
import { refang } from './refang';
import { remembering } from './remembering';
import { indicatorsIn, LONGEST_TEXT } from './text-indicators';

export interface FoundIndicator extends Indicator {
  /** Where it stood first: a path in the finding, or in the original below `original`. */
  readonly name: string;
}

/** As many as an enriched alert may carry. */
const MOST_OBSERVABLES = 500;
/** Values and paths together, so that finding, original and observables stay within a message. UTF-16 units. */
const MOST_TEXT_OUT = 96 * 1024;
/** Of all texts of an alert together. UTF-16 units. */
const MOST_TEXT_IN = 128 * 1024;
const LONGEST_PATH = 500;

/**
 * What a finding names and what else stands in the original's texts, without repetition: first what has a field of its
 * own in the finding, then what is found in texts. Pure, and bounded by lengths alone, so that a message leads to the
 * same observables at every delivery.
 */
export function observablesOf(finding: JsonObject, original: JsonValue | undefined): FoundIndicator[] {
  const collected = new Collected();
  const texts: [path: string, text: string][] = [];
  eachText(finding, '', (path, text) => {
    const { field } = placeOf(path);
    if (field === undefined) texts.push([path, text]);
    else for (const indicator of field(refang(text))) collected.add(indicator, path);
  });
  if (original !== undefined) eachText(original, 'original', (path, text) => texts.push([path, text]));
  let length = 0;
  // The finding says again what the original says.
  const looked = new Map<string, Indicator[]>();
  for (const [path, text] of texts) {
    const place = placeOf(path);
    if (place.isNoise) continue;
    length += Math.min(text.length, LONGEST_TEXT);
    if (length > MOST_TEXT_IN) break;
    const indicators = looked.get(text) ?? indicatorsIn(text);
    looked.set(text, indicators);
    for (const indicator of indicators) {
      if (indicator.type === 'ip' && !place.hasAddresses) continue;
      if (indicator.type === 'domain' && (!place.hasDomains || collected.hasUser(indicator.value))) continue;
      collected.add(indicator, path);
    }
  }
  return collected.all();
}

class Collected {
  private readonly found = new Map<string, FoundIndicator>();
  private size = 0;

  add(indicator: Indicator, path: string): void {
    // A machine's full name is not reported again as a domain.
    const kind = indicator.type === 'domain' ? 'hostname' : indicator.type;
    const key = `${kind} ${kind === 'username' ? indicator.value.toLowerCase() : indicator.value}`;
    const name = path.length > LONGEST_PATH ? path.slice(0, LONGEST_PATH).toWellFormed() : path;
    this.size += indicator.value.length + name.length;
    if (this.found.has(key) || this.found.size >= MOST_OBSERVABLES || this.size > MOST_TEXT_OUT) return;
    this.found.set(key, { ...indicator, name });
  }

  hasUser(name: string): boolean {
    return this.found.has(`username ${name}`);
  }

  all(): FoundIndicator[] {
    return [...this.found.values()];
  }
}

type FieldReader = (text: string) => Indicator[];
const reader =
  (...readings: ((text: string) => Indicator | undefined)[]): FieldReader =>
  (text) =>
    readings.flatMap((reading) => reading(text) ?? []);
const either =
  (first: (text: string) => Indicator | undefined, second: (text: string) => Indicator | undefined) => (text: string) =>
    first(text) ?? second(text);

/** The fields of a finding that hold one thing. What they hold is taken as that, whatever it looks like. */
const FIELDS: readonly (readonly [RegExp, FieldReader])[] = [
  [/(?:^|\.)ip$/, reader(asAddress)],
  [/(?:^|\.)(?:src_endpoint|dst_endpoint|device|endpoint)\.(?:hostname|name)$/, reader(either(asAddress, asHostname))],
  [/(?:^|\.)(?:query\.hostname|domain)$/, reader(either(asAddress, domainField))],
  [/(?:^|\.)url_string$/, reader(asUrl, hostOfUrl)],
  [/(?:^|\.)hashes\[\d+\]\.value$/, reader(asHash)],
  [/(?:^|\.)(?:user|users\[\d+\])\.name$/, reader(either(asEmail, asUsername))],
  [/(?:^|\.)(?:email_addr|from|to|email\.address)$/, reader(asEmail)],
];

/** The domain of an account (`user.domain`) is one of Windows, and no name of the DNS unless it has a dot. */
function domainField(text: string): Indicator | undefined {
  if (!text.includes('.')) return undefined;
  const name = asHostname(text);
  return asDomain(text) ?? (name && { type: 'domain', value: name.value });
}

function fieldOf(path: string): FieldReader | undefined {
  return FIELDS.find(([pattern]) => pattern.test(path))?.[1];
}

/**
 * Where a product tells of itself: its servers and rules, links to its pages and to documentation. They stand in every
 * alert and say nothing of this one.
 */
const NOISE =
  /(?:^|[.\]])(?:metadata|uid|references?|reference_urls?|rule|analytic|src_url|results_link|server_uri|server_host|splunk_server|indexer_guid|_si|drilldown\w*|manager|decoder|agent\.version|ecs|kibana\.alert\.(?:rule|url|uuid|ancestors|original_event)|kibana\.space_ids|framework|schema|_index|event_id|rule_id|event_hash|flow_id|community_id|orig_sid|sid|ja3s?|ja4)(?:$|[.[])/i;

/** Four numbers with dots are a version there. */
const NO_ADDRESSES = /version|user_?agent|build|firmware|\boid\b/i;

/** An account such as `s.weber` is no domain, although `.weber` is a top-level domain. */
const NO_DOMAINS = /(?:user|account|acct|login|owner|identity)(?:_?name)?(?:\[\d+\])?(?:\.name)?$/i;

/** What the path of a text says of it. */
const placeOf = remembering(
  (path) => ({
    field: fieldOf(path),
    isNoise: NOISE.test(path),
    hasAddresses: !NO_ADDRESSES.test(path),
    hasDomains: !NO_DOMAINS.test(path),
  }),
  { most: 5_000, longest: 200 },
);

function eachText(value: JsonValue, path: string, visit: (path: string, text: string) => void): void {
  if (typeof value === 'string') visit(path, value);
  else if (Array.isArray(value)) value.forEach((item, index) => eachText(item, `${path}[${index}]`, visit));
  else if (isJsonObject(value)) {
    for (const [key, inner] of Object.entries(value)) eachText(inner, path === '' ? key : `${path}.${key}`, visit);
  }
}

/** The original's JSON, also inside a syslog message, of a large one its summary; `undefined` where it cannot be read. */
export function parsedOriginal(original: AlertReceived['original']): JsonValue | undefined {
  if (original.truncated === true && original.digest === undefined) return undefined;
  const text = original.encoding === 'utf-8' ? original.body : Buffer.from(original.body, 'base64').toString('utf8');
  return jsonOf(text.replace(/^\ufeff/, '')) ?? jsonOf(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
