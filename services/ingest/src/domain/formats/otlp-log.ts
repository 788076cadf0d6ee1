import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import { objectsIn } from '../alert-json';
import { listAt, messageAt, plainAttributes, plainValue } from '../otlp-values';
import { AlertFields, shortened } from './alert-fields';
import type { AlertEnvelope, AlertFormat, NormalizedAlert } from './alert-format';
import { severityOfWord, type SeverityName } from './alert-severity';
import { attackIds } from './attack-ids';
import { detectionFinding } from './detection-finding';

const LONGEST_TITLE = 200;

/** Where applications put what happened when the body is no text. */
const MESSAGES = ['title', 'message', 'msg', 'event.title', 'event.message', 'event.reason', 'exception.message'];

/**
 * A log record of OpenTelemetry that looks like no alert of a product, by the semantic conventions for attributes. It has
 * no later versions; one with `log.record.uid` is the same whenever that comes, as the conventions say, and any other
 * when all of it is the same.
 */
const otlpLog: AlertFormat = {
  name: 'otlp-log',
  title: 'Log record of OpenTelemetry',

  recognizes: () => false,

  normalize(alert, reception): NormalizedAlert {
    const { record, scope, resource, body, attributes } = contentsOf(alert);
    demandSomething(record, body, attributes);
    const own = new AlertFields(record);
    const fields = new AlertFields({ ...resource, ...(isJsonObject(body) ? body : {}), ...attributes });
    const text = (...paths: string[]) => fields.text(...paths);
    const event = own.text('eventName') ?? text('event.name');
    const message = typeof body === 'string' && body.trim() !== '' ? body.trim() : text(...MESSAGES);
    const attack = attackIds(
      fields.everyText('threat.technique.id', 'threat.technique.subtechnique.id', 'threat.tactic.id'),
    );
    const uid = text('log.record.uid');
    const finding = detectionFinding({
      product: {
        name: text('service.name') ?? new AlertFields(scope).text('name') ?? 'OpenTelemetry',
        vendor: text('service.namespace') ?? 'OpenTelemetry',
        version: text('service.version'),
      },
      uid: uid ?? reception.digest,
      title: shortened(message?.split('\n')[0] ?? event ?? text('security_rule.name') ?? 'Log record', LONGEST_TITLE),
      description: message,
      time: own.time('timeUnixNano', 'observedTimeUnixNano') ?? reception.receivedAt,
      severity: severityOf(own.number('severityNumber')) ?? severityOfWord(own.text('severityText')),
      rule: {
        uid: text('security_rule.uuid', 'rule.id'),
        name: text('security_rule.name', 'rule.name') ?? event,
        version: text('security_rule.version'),
      },
      types: fields.everyText('security_rule.category', 'event.category'),
      attack,
      ...placesIn(fields),
      ...thingsIn(fields),
    });
    return { identity: ['otlp-log', uid ?? reception.digest], finding, attack };
  },
};

/** Attribute names are those of the semantic conventions; of some, ECS, which was donated to them, has more. */
function placesIn(fields: AlertFields) {
  const text = (...paths: string[]) => fields.text(...paths);
  return {
    source: {
      ip: text('source.address', 'source.ip', 'client.address', 'client.ip', 'network.peer.address'),
      port: fields.port('source.port', 'client.port', 'network.peer.port'),
      hostname: text('source.domain', 'client.domain'),
    },
    destination: {
      ip: text('destination.address', 'destination.ip', 'server.address', 'server.ip', 'threat.indicator.ip'),
      port: fields.port('destination.port', 'server.port'),
      hostname: text('destination.domain', 'server.domain'),
    },
    host: { hostname: text('host.name', 'k8s.node.name', 'host.id'), ip: text('host.ip'), mac: text('host.mac') },
    user: {
      name: text('user.name', 'enduser.id', 'user.id', 'process.owner'),
      domain: text('user.domain'),
      email: text('user.email'),
    },
    otherUsers: fields.everyText('user.target.name', 'destination.user.name'),
  };
}

function thingsIn(fields: AlertFields) {
  const text = (...paths: string[]) => fields.text(...paths);
  return {
    process: {
      name: text('process.executable.name', 'process.name', 'process.command'),
      path: text('process.executable.path', 'process.executable'),
      pid: fields.number('process.pid'),
      commandLine: text('process.command_line') ?? joined(fields.texts('process.command_args')),
      hashes: hashesAt(fields, 'process.hash', 'process.executable.hash'),
    },
    file: {
      name: text('file.name', 'threat.indicator.file.name'),
      path: text('file.path'),
      hashes: hashesAt(fields, 'file.hash', 'threat.indicator.file.hash'),
    },
    urls: fields.everyText('url.full', 'url.original', 'threat.indicator.url.full', 'threat.indicator.url.original'),
    queries: fields.everyText(
      'dns.question.name',
      'url.domain',
      'threat.indicator.domain',
      'threat.indicator.url.domain',
    ),
    protocol: text('network.transport', 'network.protocol.name'),
    disposition: text('event.outcome', 'event.action'),
  };
}

const joined = (words: readonly string[]): string | undefined => (words.length > 0 ? words.join(' ') : undefined);

const hashesAt = (fields: AlertFields, ...paths: string[]): string[] =>
  fields.everyText(
    ...paths.flatMap((path) => [`${path}.sha256`, `${path}.sha1`, `${path}.md5`, `${path}.sha512`, path]),
  );

/** By the ranges of SeverityNumber and where it puts syslog's (OpenTelemetry, "Logs Data Model", appendix B). */
function severityOf(number: number | undefined): SeverityName | undefined {
  if (number === undefined || number < 1 || number > 24) return undefined;
  if (number <= 12) return 'informational';
  if (number <= 16) return 'medium';
  if (number === 17) return 'high';
  return number <= 20 ? 'critical' : 'fatal';
}

interface Contents {
  readonly record: JsonObject;
  readonly scope: JsonObject;
  /** The attributes of the resource. */
  readonly resource: JsonObject;
  /** The body in plain JSON; null for none. */
  readonly body: JsonValue;
  readonly attributes: JsonObject;
}

function contentsOf(outer: JsonObject): Contents {
  const at = (value: JsonValue | undefined, path: string) => messageAt(listAt(value, path)[0], `${path}[0]`);
  const resourceLogs = at(outer.resourceLogs, 'resourceLogs');
  const scopeLogs = at(resourceLogs.scopeLogs, 'scopeLogs');
  const record = at(scopeLogs.logRecords, 'logRecords');
  return {
    record,
    scope: messageAt(scopeLogs.scope, 'scope'),
    resource: plainAttributes(messageAt(resourceLogs.resource, 'resource').attributes, 'resource.attributes'),
    body: plainValue(record.body, 'body'),
    attributes: plainAttributes(record.attributes, 'attributes'),
  };
}

function demandSomething(record: JsonObject, body: JsonValue, attributes: JsonObject): void {
  const hasEvent = typeof record.eventName === 'string' && record.eventName !== '';
  const isEmpty = body === null || body === '' || (isJsonObject(body) && Object.keys(body).length === 0);
  if (!isEmpty || hasEvent || Object.keys(attributes).length > 0) return;
  throw new DomainError('invalid_field', {
    field: 'body',
    reason: 'The log record has no body, no event name and no attributes: it says nothing.',
  });
}

/**
 * An ExportLogsServiceRequest of one log record. The alert of a product may be its body, as a map or as text, or its
 * attributes, where a collector puts what it has parsed.
 */
export const otlpEnvelope: AlertEnvelope = {
  open(outer) {
    const { body, attributes } = contentsOf(outer);
    const inside = [...objectsIn(body), ...(isJsonObject(body) ? objectsIn(body.message) : [])];
    return Object.keys(attributes).length > 0 ? [...inside, attributes] : inside;
  },
  otherwise: otlpLog,
};
