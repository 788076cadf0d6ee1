import { AlertFields, shortened } from './alert-fields';
import type { AlertEnvelope, AlertFormat, NormalizedAlert } from './alert-format';
import { severityOfRiskScore, severityOfWord } from './alert-severity';
import { attackIds } from './attack-ids';
import { detectionFinding } from './detection-finding';
import { objectsIn } from '../alert-json';

const LONGEST_TITLE = 200;

/** A document for Elasticsearch that looks like no alert of a product: what a shipper read somewhere, in ECS or not. */
const elasticDocument: AlertFormat = {
  name: 'elastic-document',
  title: 'Document for Elasticsearch',

  recognizes: () => false,

  normalize(alert, reception): NormalizedAlert {
    const outer = new AlertFields(alert);
    const text = (...paths: string[]) => outer.text(...paths.map((path) => `_source.${path}`));
    const message = text('message', 'event.original', 'event.reason', 'msg', 'rule.name', 'log');
    const id = outer.text('_id');
    const attack = attackIds(
      outer.everyText('_source.threat.technique.id', '_source.threat.technique.subtechnique.id'),
    );
    const finding = detectionFinding({
      product: {
        name: text('agent.type', 'event.module', 'service.type') ?? 'Elasticsearch client',
        vendor: 'Elastic',
      },
      uid: id ?? reception.digest,
      title: message === undefined ? text('event.action') : shortened(message.split('\n')[0] ?? '', LONGEST_TITLE),
      description: message,
      time: outer.time('_source.@timestamp', '_source.timestamp') ?? reception.receivedAt,
      severity:
        severityOfWord(text('log.level', 'severity', 'log.syslog.severity.name', 'syslog-severity')) ??
        severityOfRiskScore(outer.number('_source.event.risk_score')),
      rule: { uid: text('rule.id'), name: text('rule.name') },
      types: outer.texts('_source.event.category', '_index'),
      attack,
      source: { ip: text('source.ip', 'client.ip', 'fromhost-ip'), port: outer.port('_source.source.port') },
      destination: { ip: text('destination.ip', 'server.ip'), port: outer.port('_source.destination.port') },
      host: { hostname: text('host.name', 'host.hostname', 'hostname', 'host') },
      user: { name: text('user.name') },
      process: { name: text('process.name', 'programname'), commandLine: text('process.command_line') },
      urls: outer.texts('_source.url.full'),
      queries: outer.texts('_source.dns.question.name'),
    });
    // A document with an id of its own is replaced by the next one of that id.
    const identity = id === undefined ? [reception.digest] : [outer.text('_index') ?? '', id];
    return { identity: ['elastic-document', ...identity], finding, attack };
  },
};

/** `{_index, _id, _source}`, as a search would return the document; a shipper may have read an alert as its message. */
export const elasticEnvelope: AlertEnvelope = {
  open(outer) {
    const document = outer['_source'];
    const [source] = objectsIn(document);
    return source === undefined ? [] : [source, ...objectsIn(source['message']), ...objectsIn(source['json'])];
  },
  otherwise: elasticDocument,
};
