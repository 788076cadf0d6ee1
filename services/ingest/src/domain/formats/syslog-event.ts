import { isJsonObject, type JsonObject } from '#libs/kernel';
import { objectsIn } from '../alert-json';
import { AlertFields } from './alert-fields';
import type { AlertEnvelope, AlertFormat, NormalizedAlert } from './alert-format';
import type { SeverityName } from './alert-severity';
import { parseCef } from './cef';
import { detectionFinding } from './detection-finding';
import { parseLeef } from './leef';
import { attackOfEvent, descriptionOf, timeOfEvent, titleOf, unmappedOf } from './log-event';
import { syslogMessage } from './syslog-message';

/** Emergency, alert, critical, error, warning, notice, informational, debug (RFC 5424, section 6.2.1). */
const SEVERITIES: readonly SeverityName[] = [
  'fatal',
  'critical',
  'critical',
  'high',
  'medium',
  'informational',
  'informational',
  'informational',
];

const FACILITIES =
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit console cron2 local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  );

/** Cisco's name of a message: `%ASA-4-106023: Deny tcp ...`. */
const MNEMONIC = /^%([A-Z][\w-]{1,60}-\d-\w{1,60}): */;

/** A syslog message that holds no alert of a product: a finding all the same. One that is sent again is the same. */
const syslogEvent: AlertFormat = {
  name: 'syslog',
  title: 'Syslog message',

  recognizes: () => false,

  normalize(alert, reception): NormalizedAlert {
    const fields = new AlertFields(alert);
    const message = fields.text('message');
    const appName = fields.text('syslog.appName');
    const [whole = '', mnemonic] = MNEMONIC.exec(message ?? '') ?? [];
    const [inside] = jsonIn(message ?? '');
    const title = titleIn(inside) ?? message?.slice(whole.length) ?? '';
    const data = fields.values('syslog.structuredData').filter(isJsonObject);
    const attack = attackOfEvent(
      Object.fromEntries(data.flatMap(Object.values).filter(isJsonObject).flatMap(Object.entries)),
    );
    const facility = fields.number('syslog.facility');
    const finding = detectionFinding({
      product: { name: appName ?? mnemonic?.replace(/-.*/, '') ?? 'Syslog', vendor: 'Syslog' },
      uid: reception.digest,
      title: titleOf(title.trim() === '' ? (mnemonic ?? appName ?? 'Empty message') : title),
      description: descriptionOf(message),
      time: timeOfEvent(fields, reception.receivedAt) ?? reception.receivedAt,
      severity: SEVERITIES[fields.number('syslog.severity') ?? -1],
      rule: { uid: fields.text('syslog.msgId') ?? mnemonic },
      types: facility === undefined ? [] : [FACILITIES[facility] ?? String(facility)],
      attack,
      host: { hostname: fields.text('syslog.hostname') },
      process: { name: appName, pid: processId(fields.text('syslog.procId')) },
      unmapped: data[0] && unmappedOf(data[0]),
    });
    return { identity: ['syslog', reception.digest], finding, attack };
  },
};

const processId = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;

const titleIn = (inside: JsonObject | undefined): string | undefined =>
  inside === undefined ? undefined : new AlertFields(inside).text('title', 'name', 'message', 'msg', 'description');

/** A message that is JSON, also after the mark of the Common Event Expression. */
const jsonIn = (message: string): JsonObject[] => objectsIn(message.replace(/^\s*@cee:/, ''));

/** A syslog message; inside may be a product's alert in JSON, CEF or LEEF. */
export const syslogEnvelope: AlertEnvelope = {
  parse: syslogMessage,

  open({ syslog, message }) {
    if (typeof message !== 'string') return [];
    const event = parseCef(message);
    if (event !== undefined) return [{ cef: event, syslog: syslog ?? {} }];
    const extended = parseLeef(message);
    if (extended !== undefined) return [{ leef: extended, syslog: syslog ?? {} }];
    return jsonIn(message);
  },
  otherwise: syslogEvent,
};
