import { isJsonObject, type JsonObject } from '#libs/kernel';
import { AlertFields } from './alert-fields';
import type { AlertFormat, NormalizedAlert } from './alert-format';
import { severityOfRiskScore, severityOfWord } from './alert-severity';
import { attackIds } from './attack-ids';
import { detectionFinding } from './detection-finding';

/**
 * A detection alert of Elastic Security: the document of `.alerts-security.alerts-*`, with nested or dotted keys, or a
 * search hit with the document under `_source` (Elastic Security, "Alert schema"; fields of the host, the process and
 * so on are ECS).
 */
export const elasticAlert: AlertFormat = {
  name: 'elastic-alert',
  title: 'Elastic Security detection alert',

  recognizes(alert) {
    const fields = new AlertFields(documentOf(alert));
    return fields.has('kibana.alert.rule.name') || fields.has('kibana.alert.uuid');
  },

  normalize(alert, reception): NormalizedAlert {
    const fields = new AlertFields(documentOf(alert));
    const identity = [
      fields.text('kibana.alert.uuid') ??
        new AlertFields(alert).text('_id') ??
        fields.text('event.id') ??
        reception.digest,
    ];
    const attack = attackIds([
      ...fields.everyText(
        'kibana.alert.rule.threat.technique.subtechnique.id',
        'kibana.alert.rule.threat.technique.id',
        'kibana.alert.rule.threat.tactic.id',
        'kibana.alert.rule.parameters.threat.technique.subtechnique.id',
        'kibana.alert.rule.parameters.threat.technique.id',
        'kibana.alert.rule.parameters.threat.tactic.id',
        'threat.technique.subtechnique.id',
        'threat.technique.id',
        'threat.tactic.id',
      ),
      ...fields.everyText('kibana.alert.rule.tags'),
    ]);
    const finding = detectionFinding({
      product: { name: 'Elastic Security', vendor: 'Elastic', version: fields.text('kibana.version') },
      uid: identity.join('|'),
      title: fields.text('kibana.alert.rule.name') ?? fields.text('kibana.alert.reason', 'rule.name', 'message'),
      description: fields.text('kibana.alert.reason', 'kibana.alert.rule.description'),
      time: fields.time('@timestamp', 'kibana.alert.start', 'kibana.alert.original_time') ?? reception.receivedAt,
      severity:
        severityOfWord(fields.text('kibana.alert.severity', 'kibana.alert.rule.severity')) ??
        severityOfRiskScore(fields.number('kibana.alert.risk_score', 'kibana.alert.rule.risk_score')),
      rule: {
        uid: fields.text('kibana.alert.rule.rule_id', 'kibana.alert.rule.uuid'),
        name: fields.text('kibana.alert.rule.name'),
        version: fields.text('kibana.alert.rule.version'),
      },
      types: fields.everyText('kibana.alert.rule.category', 'event.category'),
      attack,
      sourceUrl: fields.text('kibana.alert.url'),
      source: {
        ip: fields.text('source.ip', 'source.address'),
        port: fields.port('source.port'),
        hostname: fields.text('source.domain'),
      },
      destination: {
        ip: fields.text('destination.ip'),
        port: fields.port('destination.port'),
        domain: fields.text('destination.domain'),
      },
      host: {
        hostname: fields.text('host.name', 'host.hostname', 'agent.name'),
        ip: fields.text('host.ip'),
        mac: fields.text('host.mac'),
      },
      user: {
        name: fields.text('user.name', 'source.user.name'),
        domain: fields.text('user.domain'),
        email: fields.text('user.email'),
      },
      otherUsers: fields.everyText('user.target.name', 'user.effective.name', 'destination.user.name'),
      process: {
        name: fields.text('process.name'),
        path: fields.text('process.executable'),
        pid: fields.number('process.pid'),
        commandLine: fields.text('process.command_line'),
        hashes: hashesAt(fields, 'process.hash'),
        parentName: fields.text('process.parent.name'),
        parentCommandLine: fields.text('process.parent.command_line'),
      },
      file: { name: fields.text('file.name'), path: fields.text('file.path'), hashes: hashesAt(fields, 'file.hash') },
      urls: fields.texts('url.full', 'url.original'),
      queries: fields.everyText('dns.question.name'),
      protocol: fields.text('network.transport'),
      disposition: fields.text('event.outcome'),
    });
    return { identity, finding, attack };
  },
};

function documentOf(alert: JsonObject): JsonObject {
  return isJsonObject(alert._source) ? alert._source : alert;
}

const hashesAt = (fields: AlertFields, path: string): string[] =>
  fields.everyText(`${path}.sha256`, `${path}.sha1`, `${path}.md5`, `${path}.sha512`);
