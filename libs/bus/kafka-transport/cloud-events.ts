import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import { DomainError, isJsonObject, type JsonObject } from '#libs/kernel';
import { noticeOf, type Death } from '../dead-letter-office';
import type { Arrival } from '../inbox';
import { parseMessage } from '../parse-message';
import type { BusMessage, DeathNotice } from '../port';

/**
 * CloudEvents 1.0 in Kafka's binary mode (Kafka Protocol Binding, section 3.2): attributes as `ce_` headers in UTF-8,
 * data as the value. Extensions have lower-case names without separators, and text only.
 */
export function toKafka(message: BusMessage): Message {
  const headers: IHeaders = {
    ce_specversion: '1.0',
    ce_id: message.id,
    ce_source: message.source,
    ce_type: message.type,
    ce_time: message.time,
    ce_subject: message.key,
    'content-type': 'application/json',
    ce_tenant: message.tenant,
    ce_schemaversion: String(message.schemaVersion),
    ce_actorkind: message.actor.kind,
    ce_actorid: nameToHeader(message.actor.id),
    ce_correlationid: message.correlationId,
  };
  if (message.actor.behalfOf !== undefined) headers['ce_actorbehalfof'] = nameToHeader(message.actor.behalfOf);
  if (message.causationId !== undefined) headers['ce_causationid'] = message.causationId;
  if (message.traceparent !== undefined) headers['ce_traceparent'] = message.traceparent;
  if (message.streamVersion !== undefined) headers['ce_streamversion'] = String(message.streamVersion);
  if (message.death !== undefined) Object.assign(headers, headersOfDeath(message.death));
  return { key: message.key, value: JSON.stringify(message.data), headers };
}

/** What a consumer received, as a message, or as what it is instead (invariant 8). Never throws. */
export function fromKafka(topic: string, partition: number, received: KafkaMessage): Arrival {
  try {
    return { message: decode(topic, received) };
  } catch (error) {
    const { code, reason, field } =
      error instanceof DomainError
        ? error
        : new DomainError('invalid_message', { field: 'message', reason: String(error) });
    return { malformed: { raw: rawOf(topic, partition, received) }, code, reason, field };
  }
}

/** Whether it is of a type that is wanted, by its headers alone. What does not say of which type it is, is no message, and wanted as that. */
export function isWanted({ headers }: KafkaMessage, wants: (type: string) => boolean): boolean {
  const type = headers?.['ce_type'];
  return !Buffer.isBuffer(type) || headers?.['ce_specversion']?.toString() !== '1.0' || wants(type.toString());
}

/** What was no message is passed on as it was up to this size; every dead topic takes that and why it died. Bytes. */
const MOST_RAW_BYTES = 1024 * 1024;

/**
 * A dead letter for `<topic>.dead`: the message as it was, or the bytes that were none, and why it died. Of more bytes than
 * the topic takes it is told how many they are: they stand in the letter of the database.
 */
export function deadToKafka(group: string, death: Death): Message {
  if (!('raw' in death.message)) return toKafka(noticeOf(group, death, death.message));
  const { key, headers, value } = death.message.raw;
  const texts = Object.entries(headers).map(([name, text]) => [name, String(text)] as const);
  const bytes = Buffer.from(value, 'base64');
  const size = texts.reduce((sum, [name, text]) => sum + name.length + Buffer.byteLength(text), bytes.length);
  const { code, reason, field } = death;
  if (size > MOST_RAW_BYTES) {
    const told = `${reason} (its ${size} bytes are in the dead letter only)`;
    return { key: death.messageId, value: null, headers: headersOfDeath({ group, code, reason: told, field }) };
  }
  return {
    key,
    value: bytes,
    headers: { ...Object.fromEntries(texts), ...headersOfDeath({ group, code, reason, field }) },
  };
}

function headersOfDeath({ group, code, reason, field }: DeathNotice): IHeaders {
  return {
    ce_deadgroup: group,
    ce_deadcode: code,
    ce_deadreason: reason,
    ...(field !== undefined && { ce_deadfield: field }),
  };
}

function decode(topic: string, received: KafkaMessage): BusMessage {
  const header = (name: string): string | undefined => {
    const value = received.headers?.[name];
    return value === undefined ? undefined : (Array.isArray(value) ? (value[0] ?? '') : value).toString();
  };
  if (header('ce_specversion') !== '1.0') {
    throw new DomainError('invalid_message', {
      field: 'ce_specversion',
      reason: `must be 1.0 (CloudEvents in binary mode), but is ${header('ce_specversion') ?? 'missing'}`,
    });
  }
  const number = (name: string) => (header(name) === undefined ? undefined : Number(header(name)));
  return parseMessage(
    present({
      topic,
      key: received.key?.toString(),
      id: header('ce_id'),
      type: header('ce_type'),
      source: header('ce_source'),
      time: header('ce_time'),
      tenant: header('ce_tenant'),
      schemaVersion: number('ce_schemaversion'),
      actor: present({
        kind: header('ce_actorkind'),
        id: nameFromHeader(header('ce_actorid')),
        behalfOf: nameFromHeader(header('ce_actorbehalfof')),
      }),
      correlationId: header('ce_correlationid'),
      causationId: header('ce_causationid'),
      traceparent: header('ce_traceparent'),
      streamVersion: number('ce_streamversion'),
      death:
        header('ce_deadgroup') === undefined
          ? undefined
          : present({
              group: header('ce_deadgroup'),
              code: header('ce_deadcode'),
              reason: header('ce_deadreason'),
              field: header('ce_deadfield'),
            }),
      data: parseData(received.value),
    }),
  );
}

const SEALED = '{"enc":"';

/** A header is text: a sealed name is written as JSON. */
const nameToHeader = (name: unknown): string => (typeof name === 'string' ? name : JSON.stringify(name));

function nameFromHeader(text: string | undefined): unknown {
  return text?.startsWith(SEALED) && text.endsWith('"}') ? { enc: text.slice(SEALED.length, -2) } : text;
}

function parseData(value: Buffer | null): JsonObject {
  let data: unknown;
  try {
    data = JSON.parse(value?.toString() ?? '');
  } catch (error) {
    const reason = `is not JSON: ${error instanceof Error ? error.message : String(error)}`;
    throw new DomainError('invalid_message', { field: 'data', reason });
  }
  if (!isJsonObject(data)) throw new DomainError('invalid_message', { field: 'data', reason: 'is not a JSON object' });
  return data;
}

/** Without the fields that are undefined, which the schema would take for wrong. */
function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function rawOf(topic: string, partition: number, received: KafkaMessage) {
  const headers = Object.entries(received.headers ?? {}).map(([name, value]) => [name, value?.toString() ?? '']);
  return {
    position: `${topic}/${partition}/${received.offset}`,
    key: received.key?.toString() ?? '',
    headers: Object.fromEntries(headers),
    value: (received.value ?? Buffer.alloc(0)).toString('base64'),
  };
}
