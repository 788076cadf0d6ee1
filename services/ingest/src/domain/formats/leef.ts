import { isJsonObject, type JsonObject } from '#libs/kernel';
import { AlertFields } from './alert-fields';
import type { AlertFormat, NormalizedAlert } from './alert-format';
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

const START = /(?:^|\s)LEEF: ?(?=[12](?:\.\d)?\|)/;
const FURTHEST_START = 2_000;
const HEADER = ['version', 'vendor', 'product', 'productVersion', 'eventId'] as const;

/**
 * An event in IBM's Log Event Extended Format, 1.0 or 2.0 (QRadar LEEF Guide), wherever in a message it begins.
 * @returns `{version, vendor, product, productVersion, eventId, attributes}`; `undefined` for what is none.
 */
export function parseLeef(message: string): JsonObject | undefined {
  const start = START.exec(message.slice(0, FURTHEST_START));
  if (start === null) return undefined;
  const { fields, rest } = headerFields(message.slice(start.index + start[0].length), HEADER.length);
  if (fields.length < HEADER.length) return undefined;
  const header = HEADER.map((name, place) => [name, (fields[place] ?? '').trim()] as const);
  const { delimiter, text } =
    fields[0]?.startsWith('2') === true ? withDelimiter(rest) : { delimiter: '\t', text: rest };
  return { ...Object.fromEntries(header), attributes: attributesOf(text, delimiter) };
}

/** 2.0 names its delimiter in a field more: a sign, or its code as `x5E` or `0x5E`. Some leave the field out. */
function withDelimiter(rest: string): { readonly delimiter: string; readonly text: string } {
  const [whole, code, sign] = /^(?:0?x((?:[0-9a-c][0-9a-f])?[0-9a-f]{2})|([^|=]?))\|/i.exec(rest) ?? [];
  if (whole === undefined) return { delimiter: '\t', text: rest };
  const delimiter = code === undefined ? sign : String.fromCharCode(Number.parseInt(code, 16));
  return { delimiter: delimiter === undefined || delimiter === '' ? '\t' : delimiter, text: rest.slice(whole.length) };
}

/** What relays write for a tab that they take for a control character. */
const ESCAPED_TAB = '#011';

function attributesOf(text: string, delimiter: string): JsonObject {
  const separator = delimiter === '\t' && !text.includes('\t') && text.includes(ESCAPED_TAB) ? ESCAPED_TAB : delimiter;
  const attributes = text.split(separator);
  const last = attributes.splice(MOST_VALUES).join(separator);
  const pairs = [...attributes, last].flatMap((attribute): [string, string][] => {
    const equals = attribute.indexOf('=');
    return equals <= 0 ? [] : [[attribute.slice(0, equals).trim(), attribute.slice(equals + 1).trim()]];
  });
  return gathered(pairs);
}

const TITLES = ['name', 'title', 'alertName', 'threatName', 'eventName', 'ruleName', 'msg', 'reason'];

/** `{leef, syslog}`: an event in LEEF, and around it what its syslog message said. */
export const leef: AlertFormat = {
  name: 'leef',
  title: 'IBM Log Event Extended Format',

  recognizes: (alert) => isJsonObject(alert.leef) && isJsonObject(alert.leef.attributes),

  normalize(alert, reception): NormalizedAlert {
    const fields = new AlertFields(alert);
    const attributes = fields.values('leef.attributes').find(isJsonObject) ?? {};
    const text = (...keys: string[]) => fields.text(...keys.map((key) => `leef.attributes.${key}`));
    const port = (key: string) => fields.port(`leef.attributes.${key}`);
    const eventId = fields.text('leef.eventId');
    const attack = attackOfEvent({ ...attributes, signature: eventId ?? '' });
    const title = text(...TITLES);
    const user = text('usrName', 'accountName', 'identAccount');
    const finding = detectionFinding({
      product: {
        name: fields.text('leef.product') ?? 'LEEF',
        vendor: fields.text('leef.vendor') ?? 'LEEF',
        version: fields.text('leef.productVersion'),
      },
      uid: reception.digest,
      title: titleOf(title ?? [text('cat'), eventId].filter(Boolean).join(' ')),
      description: descriptionOf(text('msg', 'reason')),
      time:
        timeOfEvent(fields, reception.receivedAt, 'leef.attributes.devTime') ??
        timeOfEvent(fields, reception.receivedAt) ??
        reception.receivedAt,
      severity: bandOfTen(text('sev', 'severity')),
      rule: { uid: eventId, name: text('ruleName', 'policy') },
      types: fields.texts('leef.attributes.cat'),
      attack,
      source: { ip: text('src', 'identSrc'), port: port('srcPort'), hostname: text('srcHost'), mac: text('srcMAC') },
      destination: { ip: text('dst'), port: port('dstPort'), hostname: text('dstHost'), mac: text('dstMAC') },
      host: { hostname: text('identHostName', 'devName') ?? fields.text('syslog.hostname') },
      user: { name: user, domain: text('domain') },
      process: { name: text('processName', 'process'), commandLine: text('commandLine', 'cmdLine') },
      file: { name: text('fileName', 'file'), path: text('filePath'), hashes: hashesOfEvent(attributes) },
      urls: webAddresses(attributes, /^url$/i),
      protocol: protocolOf(text('proto')),
      disposition: text('action'),
      unmapped: unmappedOf(attributes),
    });
    return { identity: ['leef', reception.digest], finding, attack };
  },
};
