import { DomainError, type JsonObject, type JsonValue } from '#libs/kernel';
import { Reader, type Type } from 'protobufjs/light';
import { parseJson } from '../domain/alert-json';
import { listAt, messageAt } from '../domain/otlp-values';
import type { RawAlert } from './alert-reception';
import { attempt } from './attempt';
import { InstrumentationScope, LogRecord, Resource } from './otlp-messages';

/** As many as a request may hold: a record may be two bytes long. */
const MOST_RECORDS = 100_000;
/** All records of a request, each with its resource and scope. Bytes. */
const LARGEST_WHOLE = 256 * 1024 * 1024;

export type OtlpEncoding = 'json' | 'protobuf';

/** Deeper requests are refused as a whole; a record that nests too deep, by itself. */
const MOST_LEVELS = 1_000;

/** The records of one scope, and what stands around each of them; or why that cannot be read. */
interface ScopeRecords<Record> {
  readonly records: readonly Record[];
  /** Bytes, about. */
  readonly sizeAround: number;
  around(): Around;
}

interface Around {
  readonly resource: JsonValue | undefined;
  readonly resourceSchemaUrl: JsonValue | undefined;
  readonly scope: JsonValue | undefined;
  readonly scopeSchemaUrl: JsonValue | undefined;
}

/**
 * The log records of an ExportLogsServiceRequest, each as a request of its own in the JSON of OTLP, with its resource and
 * scope: what is kept of a record could be sent again as it is. A record that cannot be read takes no other with it.
 * @throws DomainError for a request that cannot be taken apart, before the first record is given out.
 */
export function otlpRecords(body: Buffer, encoding: OtlpEncoding): Iterable<RawAlert> {
  if (encoding === 'json') {
    const scopes = scopesOfJson(body);
    demandBounded(scopes);
    return framedRecords(scopes, (record) => JSON.stringify(record));
  }
  demandBounded(scopesOfProtobuf(body));
  return framedRecords(scopesOfProtobuf(body), (record) => JSON.stringify(recordOf(record)));
}

function demandBounded(scopes: Iterable<ScopeRecords<unknown>>): void {
  let count = 0;
  let bytes = 0;
  for (const { records, sizeAround } of scopes) {
    count += records.length;
    bytes += records.length * sizeAround;
    if (count <= MOST_RECORDS && bytes <= LARGEST_WHOLE) continue;
    throw tooMuch();
  }
}

const tooMuch = (): DomainError =>
  new DomainError('body_too_large', {
    field: 'body',
    reason: `More than ${MOST_RECORDS} log records, or too much in what all of them share: send several requests.`,
  });

function* framedRecords<Record>(
  scopes: Iterable<ScopeRecords<Record>>,
  textOf: (record: Record) => string,
): Generator<RawAlert, void, undefined> {
  for (const scope of scopes) {
    const frame = attempt(() => framed(scope.around()));
    for (const record of scope.records) {
      const text = frame instanceof DomainError ? frame : attempt(() => frame[0] + textOf(record) + frame[1]);
      yield text instanceof DomainError ? refused(record, text) : rawOf(Buffer.from(text, 'utf8'));
    }
  }
}

/** The text before and after each record of a scope. */
function framed({ resource, resourceSchemaUrl, scope, scopeSchemaUrl }: Around): [string, string] {
  const around = JSON.stringify({ resource, schemaUrl: resourceSchemaUrl });
  const inner = JSON.stringify({ scope, schemaUrl: scopeSchemaUrl });
  const open = (text: string): string => (text === '{}' ? '{' : `${text.slice(0, -1)},`);
  return [`{"resourceLogs":[${open(around)}"scopeLogs":[${open(inner)}"logRecords":[`, ']}]}]}'];
}

const rawOf = (bytes: Buffer): RawAlert => ({ bytes, size: bytes.length });

const refused = (record: unknown, refusal: DomainError): RawAlert => ({
  ...rawOf(Buffer.isBuffer(record) ? record : Buffer.from(JSON.stringify(record), 'utf8')),
  refusal,
});

const utf8 = new TextDecoder('utf-8', { fatal: true });

function scopesOfJson(body: Buffer): ScopeRecords<JsonValue>[] {
  const { resourceLogs } = messageAt(parseJson(textOf(body), MOST_LEVELS), '(root)');
  return listAt(resourceLogs, 'resourceLogs').flatMap((item, index) => {
    const path = `resourceLogs[${index}]`;
    const { resource, schemaUrl: resourceSchemaUrl, scopeLogs } = messageAt(item, path);
    const resourceSize = sizeOf(resource);
    return listAt(scopeLogs, `${path}.scopeLogs`).map((inner, place) => {
      const at = `${path}.scopeLogs[${place}]`;
      const { scope, schemaUrl: scopeSchemaUrl, logRecords } = messageAt(inner, at);
      return {
        records: listAt(logRecords, `${at}.logRecords`),
        sizeAround: resourceSize + sizeOf(scope),
        // As it was sent, whatever it is: who reads a record says what is wrong with it.
        around: () => ({ resource, resourceSchemaUrl, scope, scopeSchemaUrl }),
      };
    });
  });
}

const sizeOf = (value: JsonValue | undefined): number => (value === undefined ? 0 : JSON.stringify(value).length);

function textOf(body: Buffer): string {
  try {
    return utf8.decode(body);
  } catch (cause) {
    throw new DomainError('invalid_character', { field: 'body', reason: 'The body is not valid UTF-8.', cause });
  }
}

/** By the numbers of the fields, which are the same in ResourceLogs and in ScopeLogs. */
const ABOUT = 1;
const WITHIN = 2;
const SCHEMA_URL = 3;

function* scopesOfProtobuf(body: Buffer): Generator<ScopeRecords<Buffer>, void, undefined> {
  for (const resourceLogs of fieldsOf(body).get(1) ?? []) {
    const outer = fieldsOf(resourceLogs);
    const resource = outer.get(ABOUT)?.at(-1);
    const resourceSchemaUrl = outer.get(SCHEMA_URL)?.at(-1);
    for (const scopeLogs of outer.get(WITHIN) ?? []) {
      const inner = fieldsOf(scopeLogs);
      const scope = inner.get(ABOUT)?.at(-1);
      yield {
        records: inner.get(WITHIN) ?? [],
        // What is a name in JSON is a number here.
        sizeAround: 4 * ((resource?.length ?? 0) + (scope?.length ?? 0)),
        around: () => ({
          resource: resource && decoded(Resource, resource, 'resource'),
          resourceSchemaUrl: resourceSchemaUrl?.toString('utf8'),
          scope: scope && decoded(InstrumentationScope, scope, 'scope'),
          scopeSchemaUrl: inner.get(SCHEMA_URL)?.at(-1)?.toString('utf8'),
        }),
      };
    }
  }
}

/** The fields of a message that hold bytes, by their numbers; all others, known or not, are passed over. */
function fieldsOf(message: Buffer): Map<number, Buffer[]> {
  const fields = new Map<number, Buffer[]>();
  try {
    const reader = Reader.create(message);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if ((tag & 7) !== 2) {
        reader.skipType(tag & 7);
        continue;
      }
      const { buffer, byteOffset, length } = reader.bytes();
      const field = fields.get(tag >>> 3) ?? [];
      fields.set(tag >>> 3, field);
      if (field.push(Buffer.from(buffer, byteOffset, length)) > MOST_RECORDS) throw tooMuch();
    }
  } catch (cause) {
    if (cause instanceof DomainError) throw cause;
    throw notProtobuf('body', cause);
  }
  return fields;
}

function recordOf(bytes: Buffer): JsonObject {
  const { traceId, spanId, ...record } = decoded(LogRecord, bytes, 'logRecords');
  return { ...record, ...hex('traceId', traceId), ...hex('spanId', spanId) };
}

/** Ids are in hexadecimal in the JSON of OTLP, and not in Base64 as bytes otherwise are. */
const hex = (name: string, value: JsonValue | undefined): JsonObject =>
  typeof value === 'string' && value !== '' ? { [name]: Buffer.from(value, 'base64').toString('hex') } : {};

/** A message in its JSON: numbers of 64 bits as texts, enumerations as numbers. Nests as deep as protobufjs lets it. */
function decoded(type: Type, bytes: Buffer, field: string): JsonObject {
  try {
    // What toObject makes by these options is JSON.
    return type.toObject(type.decode(bytes), { longs: String, bytes: String, json: true }) as JsonObject;
  } catch (cause) {
    throw notProtobuf(field, cause);
  }
}

const notProtobuf = (field: string, cause: unknown): DomainError =>
  new DomainError('invalid_field', {
    field,
    reason: `It is no protobuf of OTLP: ${cause instanceof Error ? cause.message : String(cause)}.`,
    cause,
  });
