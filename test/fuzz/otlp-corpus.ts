import { Writer } from 'protobufjs/light';
import { isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import { InstrumentationScope, LogRecord, Resource } from '../../services/ingest/src/app/otlp-messages';

const TIME = '1795528800123456789';
const resource = {
  attributes: attributesOf({ 'service.name': 'vpn', 'host.name': 'vpn-gw-01' }),
  droppedAttributesCount: 1,
};
const scope = { name: 'auth', version: '1.2.3', attributes: attributesOf({ a: [1, 2.5, null] }) };

/** One alert as the body of a record, as its text, and as the attributes of one. */
function recordsOf(text: string): JsonObject[] {
  const whole = objectIn(text);
  return [
    { timeUnixNano: TIME, severityNumber: 17, body: anyValue(whole) },
    { observedTimeUnixNano: TIME, severityText: 'WARN', body: { stringValue: text }, eventName: 'e' },
    { body: { intValue: '-9223372036854775808' }, attributes: attributesOf(whole) },
  ];
}

/** An ExportLogsServiceRequest in JSON. @param text of an alert, or of several, a line each. */
export function logRecordsInJson(text: string): Buffer {
  const ids = { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', flags: 1 };
  const logRecords = recordsOf(text).map((record) => ({ ...record, ...ids }));
  const scopeLogs = [{ scope, logRecords, schemaUrl: 'https://opentelemetry.io/schemas/1.30.0' }];
  return Buffer.from(JSON.stringify({ resourceLogs: [{ resource, scopeLogs }, { scopeLogs: [] }] }));
}

/** The same in protobuf. */
export function logRecordsInProtobuf(text: string): Buffer {
  const ids = { traceId: Buffer.alloc(16, 7), spanId: Buffer.alloc(8, 7), flags: 1 };
  const records = recordsOf(text).map((record) =>
    LogRecord.encode(LogRecord.fromObject({ ...record, ...ids })).finish(),
  );
  const scopeLogs = Writer.create()
    .uint32(tag(1))
    .bytes(InstrumentationScope.encode(InstrumentationScope.fromObject(scope)).finish());
  for (const record of records) scopeLogs.uint32(tag(2)).bytes(record);
  const resourceLogs = Writer.create()
    .uint32(tag(1))
    .bytes(Resource.encode(Resource.fromObject(resource)).finish())
    .uint32(tag(2))
    .bytes(scopeLogs.finish());
  return Buffer.from(Writer.create().uint32(tag(1)).bytes(resourceLogs.finish()).finish());
}

/** Of a field of bytes. */
const tag = (field: number): number => field * 8 + 2;

function objectIn(text: string): JsonObject {
  const parsed: unknown = JSON.parse(text.split('\n')[0] ?? '');
  return isJsonObject(parsed) ? parsed : {};
}

function anyValue(value: JsonValue): JsonObject {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return value === null ? {} : { kvlistValue: { values: attributesOf(value) } };
}

function attributesOf(object: JsonObject): JsonObject[] {
  return Object.entries(object).map(([key, value]) => ({ key, value: anyValue(value) }));
}
