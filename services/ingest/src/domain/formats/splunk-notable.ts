import { isJsonObject, type JsonObject } from '#libs/kernel';
import { DomainError } from '#libs/kernel';
import { AlertFields } from './alert-fields';
import type { AlertFormat, NormalizedAlert, Reception } from './alert-format';
import { severityOfRiskScore, severityOfWord, type SeverityName } from './alert-severity';
import { attackIds } from './attack-ids';
import { detectionFinding } from './detection-finding';

/**
 * A notable event of Splunk Enterprise Security, as a search over the `notable` index returns it, or the body of
 * Splunk's webhook alert action (`{sid, search_name, result}`; Splunk Alerting Manual, "Use a webhook alert action").
 */
export const splunkNotable: AlertFormat = {
  name: 'splunk-notable',
  title: 'Splunk Enterprise Security notable event, or alert webhook',

  recognizes: (alert) =>
    isWebhook(alert) ||
    (typeof alert.event_id === 'string' && ('search_name' in alert || 'rule_name' in alert || 'rule_title' in alert)) ||
    (typeof alert._bkt === 'string' && typeof alert._cd === 'string'),

  normalize(alert, reception): NormalizedAlert {
    const row = isWebhook(alert) ? alert.result : alert;
    const fields = new AlertFields(row);
    const identity = isWebhook(alert) ? identityOfWebhook(alert, fields, reception) : identityOfNotable(fields);
    const search = fields.text('search_name', 'rule_name', 'source') ?? new AlertFields(alert).text('search_name');
    const title = fields.text('rule_title', 'rule_name') ?? search ?? fields.text('signature');
    const attack = attackIds(
      fields.everyText(
        'annotations.mitre_attack',
        'annotations.mitre_attack.mitre_technique_id',
        'annotations._all',
        'mitre_attack',
        'mitre_attack_id',
        'mitre_technique_id',
        'mitre_attack_technique',
        'mitre_attack_tactic',
        'mitre_tactic_id',
        'annotations',
        'rule_annotations',
      ),
    );
    const finding = detectionFinding({
      product: { name: 'Splunk Enterprise Security', vendor: 'Splunk' },
      uid: identity.join('|'),
      title,
      description: fields.text('rule_description', 'savedsearch_description', 'description'),
      time: fields.time('_time') ?? reception.receivedAt,
      severity: severityOf(fields),
      rule: { name: search, uid: fields.text('rule_id', 'search_name') },
      types: fields.texts('security_domain'),
      attack,
      sourceUrl: new AlertFields(alert).text('results_link'),
      source: {
        ip: fields.text('src_ip', 'src'),
        port: fields.port('src_port'),
        hostname: fields.text('src_host', 'src_nt_host', 'src_dns'),
      },
      destination: {
        ip: fields.text('dest_ip', 'dest'),
        port: fields.port('dest_port'),
        hostname: fields.text('dest_nt_host', 'dest_host', 'dest_dns', 'dest'),
        domain: fields.text('domain', 'dest_domain'),
      },
      host: { hostname: fields.text('dest_nt_host', 'dest_host', 'dest', 'dvc_host', 'dvc', 'orig_host', 'src_host') },
      user: { name: fields.text('user', 'src_user'), email: fields.text('user_email', 'src_user_email') },
      otherUsers: fields
        .everyText('src_user', 'target_user')
        .filter((name) => name !== fields.text('user', 'src_user')),
      process: {
        name: fields.text('process_name'),
        path: fields.text('process_path', 'process_exec'),
        pid: fields.number('process_id'),
        commandLine: fields.text('process'),
        hashes: fields.everyText('process_hash'),
        parentName: fields.text('parent_process_name'),
        parentCommandLine: fields.text('parent_process'),
      },
      file: {
        name: fields.text('file_name'),
        path: fields.text('file_path'),
        hashes: fields.everyText('file_hash', 'sha256', 'sha1', 'md5'),
      },
      urls: fields.everyText('url'),
      queries: fields.everyText('query', 'dns_query'),
      protocol: fields.text('transport'),
      disposition: fields.text('action'),
    });
    return { identity, finding, attack };
  },
};

interface Webhook extends JsonObject {
  result: JsonObject;
}

function isWebhook(alert: JsonObject): alert is Webhook {
  return isJsonObject(alert.result) && ('sid' in alert || 'search_name' in alert);
}

/** `event_id`, else the place of the event in its index: `_bkt` and `_cd`. */
function identityOfNotable(fields: AlertFields): string[] {
  const eventId = fields.text('event_id');
  const place = placeOf(fields);
  if (eventId !== undefined && !isWindowsEventCode(eventId)) return [eventId];
  if (place !== undefined) return place;
  if (eventId !== undefined) return [eventId];
  throw new DomainError('invalid_field', {
    field: 'event_id',
    reason: 'is required: a notable has an event_id, or _bkt and _cd, by which its later versions are recognized.',
  });
}

/**
 * The row of a webhook is a result of any search. Only a row of the `notable` index is a finding by itself; any other
 * event may be a hit of several searches, and a row that a search computed has no place at all. One run (`sid`) may
 * call the webhook for each of its results, so that the sid alone would throw them together.
 */
function identityOfWebhook(alert: Webhook, fields: AlertFields, reception: Reception): string[] {
  const outer = new AlertFields(alert);
  const eventId = fields.text('event_id');
  if (eventId !== undefined && !isWindowsEventCode(eventId)) return [eventId];
  const search = outer.text('search_name') ?? fields.text('search_name', 'rule_name') ?? '';
  const place = placeOf(fields);
  if (place !== undefined) return isNotableIndex(fields) ? place : [search, ...place];
  const sid = outer.text('sid');
  if (sid === undefined) {
    throw new DomainError('invalid_field', {
      field: 'sid',
      reason: 'is required where the result has neither event_id nor _bkt and _cd: it tells one run from the next.',
    });
  }
  return [sid, reception.digest];
}

function placeOf(fields: AlertFields): string[] | undefined {
  const bucket = fields.text('_bkt');
  const address = fields.text('_cd');
  return bucket === undefined || address === undefined ? undefined : [bucket, address];
}

const isNotableIndex = (fields: AlertFields): boolean =>
  fields.text('index') === 'notable' || (fields.text('_bkt')?.startsWith('notable~') ?? false);

/** Windows events carry a field of the same name: 4625 names a kind of event, not an event. */
const isWindowsEventCode = (eventId: string): boolean => /^\d{1,5}$/.test(eventId);

function severityOf(fields: AlertFields): SeverityName | undefined {
  return (
    severityOfWord(fields.text('urgency')) ??
    severityOfWord(fields.text('severity')) ??
    severityOfWord(fields.text('priority')) ??
    severityOfRiskScore(fields.number('risk_score'))
  );
}
