import { DomainError, isJsonObject } from '#libs/kernel';
import { AlertFields } from './alert-fields';
import type { AlertFormat, NormalizedAlert } from './alert-format';
import type { SeverityName } from './alert-severity';
import { attackIds } from './attack-ids';
import { detectionFinding } from './detection-finding';

/**
 * A record of Suricata's EVE log (Suricata User Guide, "EVE JSON Format"). Only `event_type: alert` is an alert; the
 * others tell of traffic and are refused by name.
 */
export const suricataEve: AlertFormat = {
  name: 'suricata-eve',
  title: 'Suricata EVE alert',

  // Other products name a field `event_type` too; a record of EVE has its details under the name of its type.
  recognizes: (alert) =>
    typeof alert.event_type === 'string' &&
    ('flow_id' in alert || ('timestamp' in alert && isJsonObject(alert[alert.event_type]))),

  normalize(alert, reception): NormalizedAlert {
    if (alert.event_type !== 'alert') {
      throw new DomainError('invalid_field', {
        field: 'event_type',
        reason: `is ${JSON.stringify(alert.event_type ?? null)}: only EVE records of type "alert" are alerts.`,
      });
    }
    if (!isJsonObject(alert.alert)) {
      throw new DomainError('invalid_field', { field: 'alert', reason: 'is required, and is an object.' });
    }
    const fields = new AlertFields(alert);
    const identity = identityOf(fields);
    const attack = attackIds(fields.everyText('alert.metadata.mitre_technique_id', 'alert.metadata.mitre_tactic_id'));
    const hostname = fields.text('http.hostname');
    const path = fields.text('http.url');
    const finding = detectionFinding({
      product: { name: 'Suricata', vendor: 'OISF' },
      uid: identity.join('|'),
      title: fields.text('alert.signature'),
      description: fields.text('alert.category'),
      time: fields.time('timestamp') ?? reception.receivedAt,
      severity: severityOf(fields.number('alert.severity')),
      rule: {
        uid: [fields.text('alert.gid') ?? '1', fields.text('alert.signature_id')].join(':'),
        name: fields.text('alert.signature'),
        version: fields.text('alert.rev'),
      },
      types: fields.texts('alert.category'),
      attack,
      firstSeen: fields.time('flow.start'),
      source: { ip: fields.text('src_ip'), port: fields.port('src_port') },
      destination: {
        ip: fields.text('dest_ip'),
        port: fields.port('dest_port'),
        domain: fields.text('tls.sni', 'http.hostname'),
      },
      user: { email: fields.text('smtp.mail_from', 'email.from') },
      file: {
        name: fields.text('files.filename', 'fileinfo.filename'),
        hashes: fields.everyText('files.sha256', 'files.sha1', 'files.md5', 'fileinfo.sha256', 'fileinfo.md5'),
      },
      urls: hostname === undefined || path === undefined || !path.startsWith('/') ? [] : [`http://${hostname}${path}`],
      queries: fields.everyText('dns.query.rrname', 'dns.queries.rrname', 'dns.rrname'),
      protocol: fields.text('proto'),
      disposition: fields.text('alert.action'),
    });
    return { identity, finding, attack };
  },
};

/**
 * EVE gives its alerts no id, and never sends one again in a later version. One flow fires one signature many times:
 * in other packets (time, packet number) and for other transactions of one packet (`tx_id`); and two sensors see one
 * packet. The parts are named by their place, so that an absent one is told from its neighbour.
 */
function identityOf(fields: AlertFields): string[] {
  const signature = fields.text('alert.signature_id');
  if (signature === undefined) {
    throw new DomainError('invalid_field', { field: 'alert.signature_id', reason: 'is required, and is a number.' });
  }
  const time = fields.text('timestamp');
  if (time === undefined) {
    throw new DomainError('invalid_field', {
      field: 'timestamp',
      reason: 'is required: it tells one hit of a signature in a flow from the next.',
    });
  }
  const place = [
    'host',
    'in_iface',
    'flow_id',
    'pcap_cnt',
    'tx_id',
    'src_ip',
    'src_port',
    'dest_ip',
    'dest_port',
    'proto',
  ];
  return [time, fields.text('alert.gid') ?? '1', signature, ...place.map((path) => fields.text(path) ?? '')];
}

/** `alert.severity` is the rule's priority: 1 is the highest. */
function severityOf(priority: number | undefined): SeverityName | undefined {
  switch (priority) {
    case undefined:
      return undefined;
    case 1:
      return 'high';
    case 2:
      return 'medium';
    case 3:
      return 'low';
    default:
      return 'informational';
  }
}
