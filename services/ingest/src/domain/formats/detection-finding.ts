import type { DetectionFinding } from '#contracts/alert';
import { isIpv4, mayBeIpv6, type JsonObject, type JsonValue } from '#libs/kernel';
import ipaddr from 'ipaddr.js';
import { SEVERITY_IDS, severityCaption, type SeverityName } from './alert-severity';

/** The version of OCSF that findings are written in. */
export const OCSF_VERSION = '1.8.0';

export interface Endpoint {
  readonly ip?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly domain?: string;
  readonly mac?: string;
}

export interface ProcessDetails {
  readonly name?: string;
  readonly path?: string;
  readonly pid?: number;
  readonly commandLine?: string;
  readonly hashes?: readonly string[];
  readonly parentName?: string;
  readonly parentCommandLine?: string;
}

/** What an alert tells, in words of ours; every part that it does not tell is left out. */
export interface AlertStory {
  readonly product: { readonly name: string; readonly vendor: string; readonly version?: string };
  /** The source's own id, readable. */
  readonly uid: string;
  readonly title?: string;
  readonly description?: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly severity?: SeverityName;
  /** The rule, signature or search that fired. */
  readonly rule?: { readonly uid?: string; readonly name?: string; readonly version?: string };
  readonly types?: readonly string[];
  readonly attack?: readonly string[];
  /** The finding's page at the source, and other places to look at. */
  readonly sourceUrl?: string;
  readonly firstSeen?: number;
  readonly lastSeen?: number;
  readonly source?: Endpoint;
  readonly destination?: Endpoint;
  /** The machine that the alert is about. */
  readonly host?: Endpoint;
  /** The account that acted. */
  readonly user?: { readonly name?: string; readonly domain?: string; readonly email?: string };
  /** Other accounts that the alert names: targets of the act. */
  readonly otherUsers?: readonly string[];
  readonly process?: ProcessDetails;
  readonly file?: { readonly name?: string; readonly path?: string; readonly hashes?: readonly string[] };
  readonly urls?: readonly string[];
  /** Names that were asked of the DNS. */
  readonly queries?: readonly string[];
  readonly protocol?: string;
  /** Whether the sender stopped what it saw: OCSF `disposition`. */
  readonly disposition?: string;
  /** What has no place of its own (OCSF `unmapped`). */
  readonly unmapped?: JsonObject;
}

/**
 * An OCSF 1.8 Detection Finding (class 2004). What the alert tells of machines, accounts, processes and files stands in
 * `evidences[0]`; further URLs and names in evidences of their own. `observables` come with the enrichment.
 */
export function detectionFinding(story: AlertStory): DetectionFinding {
  const severityId = SEVERITY_IDS[story.severity ?? 'unknown'];
  const finding = compact({
    activity_id: 1,
    activity_name: 'Create',
    category_uid: 2,
    category_name: 'Findings',
    class_uid: 2004,
    class_name: 'Detection Finding',
    type_uid: 200_401,
    time: story.time,
    severity_id: severityId,
    severity: severityCaption(severityId),
    status_id: 1,
    status: 'New',
    is_alert: true,
    message: story.title,
    metadata: {
      version: OCSF_VERSION,
      product: { name: story.product.name, vendor_name: story.product.vendor, version: story.product.version },
    },
    finding_info: {
      uid: story.uid,
      title: story.title,
      desc: story.description,
      created_time: story.time,
      first_seen_time: story.firstSeen,
      last_seen_time: story.lastSeen,
      src_url: story.sourceUrl,
      types: listed(story.types),
      analytic: story.rule && { type_id: 1, type: 'Rule', ...story.rule },
      attacks: listed(story.attack?.map(attackOf)),
    },
    disposition: story.disposition,
    evidences: evidencesOf(story),
    unmapped: story.unmapped,
  });
  // `compact` only leaves out what is undefined or empty; the required attributes above are neither.
  return finding as DetectionFinding;
}

function evidencesOf(story: AlertStory): JsonValue[] | undefined {
  const [url, ...furtherUrls] = story.urls ?? [];
  const [query, ...furtherQueries] = story.queries ?? [];
  const first = compact({
    src_endpoint: endpointOf(story.source),
    dst_endpoint: endpointOf(story.destination),
    device: endpointOf(story.host),
    actor: story.user && { user: userOf(story.user) },
    user: story.otherUsers?.[0] === undefined ? undefined : { name: story.otherUsers[0] },
    process: story.process && processOf(story.process),
    file: story.file && fileOf(story.file),
    url: url === undefined ? undefined : { url_string: url },
    query: query === undefined ? undefined : { hostname: query },
    connection_info: story.protocol === undefined ? undefined : { protocol_name: story.protocol.toLowerCase() },
  });
  const further = [
    ...(story.otherUsers ?? []).slice(1).map((name) => ({ user: { name } })),
    ...furtherUrls.map((url_string) => ({ url: { url_string } })),
    ...furtherQueries.map((hostname) => ({ query: { hostname } })),
  ];
  return listed([...(Object.keys(first).length > 0 ? [first] : []), ...further]);
}

const isAddress = (text: string): boolean => isIpv4(text) || (mayBeIpv6(text) && ipaddr.IPv6.isValid(text));

/** Senders put a name where an address belongs and the other way round: each goes where it belongs, once. */
function endpointOf(endpoint: Endpoint | undefined): Loose | undefined {
  if (endpoint === undefined) return undefined;
  const { ip, hostname, ...rest } = endpoint;
  const address = [ip, hostname].find((value) => value !== undefined && isAddress(value));
  const name = [hostname, ip].find((value) => value !== undefined && !isAddress(value));
  return { ip: address, hostname: name, ...rest };
}

function userOf(user: NonNullable<AlertStory['user']>): Loose {
  return { name: user.name, domain: user.domain, email_addr: user.email };
}

function processOf(process: ProcessDetails): Loose {
  return {
    name: process.name,
    pid: process.pid,
    cmd_line: process.commandLine,
    file: { path: process.path, name: process.name ?? baseName(process.path), hashes: hashesOf(process.hashes) },
    parent_process: { name: process.parentName, cmd_line: process.parentCommandLine },
  };
}

function fileOf(file: NonNullable<AlertStory['file']>): Loose {
  return { name: file.name ?? baseName(file.path), path: file.path, hashes: hashesOf(file.hashes) };
}

/** OCSF `fingerprint.algorithm_id`, told from the length of a hash in hexadecimal. */
const ALGORITHMS: Readonly<Record<number, { algorithm_id: number; algorithm: string }>> = {
  32: { algorithm_id: 1, algorithm: 'MD5' },
  40: { algorithm_id: 2, algorithm: 'SHA-1' },
  64: { algorithm_id: 3, algorithm: 'SHA-256' },
  128: { algorithm_id: 4, algorithm: 'SHA-512' },
};

function hashesOf(hashes: readonly string[] | undefined): JsonValue[] | undefined {
  const fingerprints = (hashes ?? []).flatMap((value) => {
    const algorithm = /^[0-9a-f]+$/i.test(value) ? ALGORITHMS[value.length] : undefined;
    return algorithm === undefined ? [] : [{ ...algorithm, value: value.toLowerCase() }];
  });
  return listed(fingerprints);
}

function attackOf(id: string): JsonObject {
  if (id.startsWith('TA')) return { tactic: { uid: id } };
  return id.includes('.')
    ? { technique: { uid: id.slice(0, id.indexOf('.')) }, sub_technique: { uid: id } }
    : { technique: { uid: id } };
}

export function baseName(path: string | undefined): string | undefined {
  return path
    ?.split(/[\\/]/)
    .filter((part) => part !== '')
    .at(-1);
}

const listed = <T>(items: readonly T[] | undefined): T[] | undefined =>
  items === undefined || items.length === 0 ? undefined : [...items];

type Loose = { readonly [key: string]: JsonValue | Loose | readonly (JsonValue | Loose)[] | undefined };

/**
 * Without what is undefined, and without objects that are empty because of it. Every alert goes through it: a loop, where
 * lists of entries would take five times as long.
 */
function compact(value: Loose): JsonObject {
  const smaller: JsonObject = {};
  for (const key of Object.keys(value)) {
    const inner = value[key];
    if (inner === undefined) continue;
    // A list holds finished values: those of `listed`.
    const kept = isLoose(inner) ? compact(inner) : (inner as JsonValue);
    if (kept !== inner && isEmpty(kept)) continue;
    // Not by assignment: a sender's key may be `__proto__`.
    if (key === '__proto__') Object.defineProperty(smaller, key, { ...OWN, value: kept });
    else smaller[key] = kept;
  }
  return smaller;
}

const OWN = { configurable: true, enumerable: true, writable: true };

function isEmpty(value: JsonValue): boolean {
  for (const _ in value as object) return false;
  return true;
}

const isLoose = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
