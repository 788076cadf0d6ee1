import { isJsonObject, type JsonObject } from '#libs/kernel';
import { AlertFields } from './alert-fields';
import type { AlertFormat, NormalizedAlert, Reception } from './alert-format';
import { detectionFinding } from './detection-finding';
import {
  attackOfEvent,
  bandOfTen,
  descriptionOf,
  gathered,
  hashesOfEvent,
  headerFields,
  MOST_VALUES,
  protocolOf,
  timeOfEvent,
  titleOf,
  unmappedOf,
  webAddresses,
} from './log-event';

const START = /(?:^|\s)CEF: ?(?=\d{1,3}(?:\.\d{1,3})?\|)/;
/** So far into a message it may begin. */
const FURTHEST_START = 2_000;
const HEADER = [
  'version',
  'deviceVendor',
  'deviceProduct',
  'deviceVersion',
  'signatureId',
  'name',
  'severity',
] as const;

/**
 * An event in ArcSight's Common Event Format (Implementing ArcSight CEF, version 26), wherever in a message it begins.
 * @returns `{version, deviceVendor, deviceProduct, deviceVersion, signatureId, name, severity, extension}`; `undefined` for
 * what is none.
 */
export function parseCef(message: string): JsonObject | undefined {
  const start = START.exec(message.slice(0, FURTHEST_START));
  if (start === null) return undefined;
  const { fields, rest } = headerFields(message.slice(start.index + start[0].length), HEADER.length);
  if (fields.length < HEADER.length) return undefined;
  const header = HEADER.map((name, place) => [name, (fields[place] ?? '').trim()] as const);
  return { ...Object.fromEntries(header), extension: extensionOf(rest) };
}

/** A key, where no value is open that it could be a part of. Keys with brackets and dots are not of the standard, but common. */
const KEY = /(?:^|\s)([\w.[\]-]{1,100})=/g;

function extensionOf(text: string): JsonObject {
  const keys: RegExpExecArray[] = [];
  for (const match of text.matchAll(KEY)) if (keys.push(match) >= MOST_VALUES) break;
  const pairs = keys.map((match, at): [string, string] => {
    const next = keys[at + 1];
    return [match[1] ?? '', unescaped(text.slice(match.index + match[0].length, next?.index ?? text.length).trim())];
  });
  return gathered(pairs);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r' };
const unescaped = (value: string): string => value.replace(/\\([\\=|nr])/g, (_, sign: string) => ESCAPES[sign] ?? sign);

/** Values with a name beside them: `cs1Label=Policy cs1=Block all` is `Policy`: `Block all`. */
function labelled(extension: JsonObject): JsonObject {
  const pairs = Object.entries(extension).flatMap(([key, label]): [string, string][] => {
    const value = extension[key.replace(/Label$/, '')];
    return key.endsWith('Label') && typeof label === 'string' && typeof value === 'string' ? [[label, value]] : [];
  });
  return gathered(pairs);
}

/** Products whose `externalId` is that of a session or of a sensor: many findings have the same one. */
const NO_FINDING_ID = new Set(['fortinet', 'crowdstrike']);

/** `{cef, syslog}`: an event in CEF, and around it what its syslog message said. */
export const cef: AlertFormat = {
  name: 'cef',
  title: 'ArcSight Common Event Format',

  recognizes: (alert) => isJsonObject(alert.cef) && isJsonObject(alert.cef.extension),

  normalize(alert, reception): NormalizedAlert {
    const extension = new AlertFields(alert).values('cef.extension').find(isJsonObject) ?? {};
    const named = labelled(extension);
    const fields = new AlertFields({ ...alert, named });
    const text = (...keys: string[]) => fields.text(...keys.map((key) => `cef.extension.${key}`));
    const port = (key: string) => fields.port(`cef.extension.${key}`);
    const time = (key: string) => timeOfEvent(fields, reception.receivedAt, `cef.extension.${key}`);
    const identity = identityOf(fields, reception);
    const attack = attackOfEvent({ ...extension, ...named, signature: fields.text('cef.signatureId') ?? '' });
    const title = fields.text('cef.name') ?? text('msg', 'cat') ?? fields.text('cef.signatureId');
    const user = text('suser', 'duser', 'suid', 'duid');
    const finding = detectionFinding({
      product: {
        name: fields.text('cef.deviceProduct') ?? 'CEF',
        vendor: fields.text('cef.deviceVendor') ?? 'CEF',
        version: fields.text('cef.deviceVersion'),
      },
      uid: text('externalId') ?? reception.digest,
      title: title && titleOf(title),
      description: descriptionOf(text('msg', 'reason')),
      time:
        time('rt') ?? time('end') ?? time('start') ?? timeOfEvent(fields, reception.receivedAt) ?? reception.receivedAt,
      severity: bandOfTen(fields.text('cef.severity')),
      rule: { uid: fields.text('cef.signatureId'), name: fields.text('cef.name') },
      types: fields.texts('cef.extension.cat'),
      attack,
      sourceUrl: webAddresses(named, /link/i)[0],
      firstSeen: time('start'),
      lastSeen: time('end'),
      source: { ip: text('src', 'c6a2'), port: port('spt'), hostname: text('shost'), mac: text('smac') },
      destination: {
        ip: text('dst', 'c6a3'),
        port: port('dpt'),
        hostname: text('dhost'),
        domain: text('destinationDnsDomain'),
        mac: text('dmac'),
      },
      host: { ip: text('dvc'), hostname: text('dvchost') ?? fields.text('syslog.hostname') },
      user: { name: user, domain: text('sntdom', 'dntdom') },
      otherUsers: fields.everyText('cef.extension.duser').filter((name) => name !== user),
      process: {
        name: text('sproc', 'dproc', 'deviceProcessName'),
        pid: fields.number('cef.extension.spid', 'cef.extension.dpid'),
      },
      file: { name: text('fname'), path: text('filePath'), hashes: hashesOfEvent({ ...extension, ...named }) },
      urls: [...new Set([...webAddresses(extension, /^request$/), ...webAddresses(named, /\burl\b/i)])],
      protocol: protocolOf(text('proto')),
      disposition: text('act'),
      unmapped: unmappedOf({ ...extension, ...(Object.keys(named).length > 0 && { labelled: named }) }),
    });
    return { identity: ['cef', ...identity], finding, attack };
  },
};

/** An `externalId` counts for one device alone. */
function identityOf(fields: AlertFields, { digest }: Reception): string[] {
  const vendor = fields.text('cef.deviceVendor') ?? '';
  const id = fields.text('cef.extension.externalId');
  if (id === undefined || NO_FINDING_ID.has(vendor.toLowerCase())) return [digest];
  const device = ['deviceExternalId', 'dvchost', 'dvc'].map((key) => `cef.extension.${key}`);
  return [
    vendor,
    fields.text('cef.deviceProduct') ?? '',
    fields.text(...device, 'syslog.hostname') ?? '',
    fields.text('cef.signatureId') ?? '',
    id,
  ];
}
