import { isJsonObject } from '#libs/kernel';
import { objectsIn } from '../alert-json';
import { HecError } from '../hec-error';
import { AlertFields, shortened } from './alert-fields';
import type { AlertEnvelope, AlertFormat, NormalizedAlert } from './alert-format';
import { severityOfWord } from './alert-severity';
import { attackIds } from './attack-ids';
import { detectionFinding } from './detection-finding';

const LONGEST_TITLE = 200;

/** Where applications and the libraries that log to the collector put what happened. */
const MESSAGES = [
  'event.title',
  'event.search_name',
  'event.signature',
  'event.name',
  'event.message',
  'event.msg',
  'event.short_message',
  'event.summary',
  'event.description',
  'event.log',
];

/**
 * An event of Splunk's HTTP Event Collector whose `event` looks like no alert of a product: a line of text, or an object
 * of some application's own. It has no id and no later versions; one that is sent again is the same.
 */
const hecEvent: AlertFormat = {
  name: 'hec-event',
  title: 'Event of the Splunk HTTP Event Collector',

  recognizes: () => false,

  normalize(alert, reception): NormalizedAlert {
    const fields = new AlertFields(alert);
    const message = fields.text('event') ?? fields.text(...MESSAGES);
    const sourcetype = fields.text('sourcetype');
    const attack = attackIds(fields.everyText('event.attack', 'event.mitre_technique_id', 'fields.mitre_technique_id'));
    const finding = detectionFinding({
      product: { name: sourcetype ?? 'HTTP Event Collector', vendor: 'Splunk' },
      uid: reception.digest,
      title: message === undefined ? sourcetype : shortened(message.split('\n')[0] ?? '', LONGEST_TITLE),
      description: message,
      time: fields.time('time', 'event.time', 'event.timestamp') ?? reception.receivedAt,
      severity: severityOfWord(fields.text('event.severity', 'event.level', 'event.log_level', 'fields.severity')),
      rule: { uid: fields.text('source') },
      types: fields.texts('sourcetype'),
      attack,
      source: { ip: fields.text('event.src_ip', 'event.src') },
      destination: { ip: fields.text('event.dest_ip', 'event.dest') },
      host: { hostname: fields.text('host', 'event.host', 'event.hostname') },
      user: { name: fields.text('event.user', 'event.username') },
    });
    return { identity: ['hec-event', reception.digest], finding, attack };
  },
};

/** `{event, time, host, source, sourcetype, index, fields}` (Splunk Enterprise, "Format events for HTTP Event Collector"). */
export const hecEnvelope: AlertEnvelope = {
  open(outer) {
    const event = Object.hasOwn(outer, 'event') ? outer.event : undefined;
    if (event === undefined) throw new HecError(12, 'The key event is missing.');
    if (event === null || (typeof event === 'string' && event.trim() === '')) throw new HecError(13, 'event is empty.');
    return [...objectsIn(event), ...(isJsonObject(event) ? objectsIn(event.message) : [])];
  },
  otherwise: hecEvent,
};
