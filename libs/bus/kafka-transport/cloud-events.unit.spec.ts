import type { KafkaMessage } from 'kafkajs';
import { KeyRing, PersonalData } from '#libs/personal-data';
import { message } from '../conformance/bus-fixture';
import { deadToKafka, fromKafka, toKafka } from './cloud-events';

/** As the broker gives back what a producer sent. */
function received(sent: ReturnType<typeof toKafka>, changed: Record<string, string | undefined> = {}): KafkaMessage {
  const headers = { ...sent.headers, ...changed };
  return {
    key: Buffer.from(sent.key ?? ''),
    value: Buffer.from(sent.value ?? ''),
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, Buffer.from(String(value))]],
      ),
    ),
    offset: '7',
    timestamp: '0',
    attributes: 0,
  };
}
const topic = 'countersign.alerts';
const sent = message('a-1', { causationId: 'c', streamVersion: 3, actor: { kind: 'agent', id: 'a', behalfOf: 'h' } });

describe('CloudEvents in binary mode', () => {
  it('carry everything in headers, keyed, with the data as the value', () => {
    expect(toKafka(sent)).toMatchObject({
      key: 'a',
      value: '{"name":"a-1"}',
      headers: {
        ce_specversion: '1.0',
        ce_type: 'AlertAccepted',
        ce_subject: 'a',
        ce_tenant: 'default',
        ce_streamversion: '3',
        'content-type': 'application/json',
      },
    });
    expect(fromKafka(topic, 0, received(toKafka(sent)))).toEqual({ message: sent });
  });

  it.each([
    ['ce_specversion', { ce_specversion: undefined }],
    ['ce_specversion', { ce_specversion: '0.3' }],
    ['id', { ce_id: undefined }],
    ['time', { ce_time: 'yesterday' }],
    ['schemaVersion', { ce_schemaversion: 'one' }],
    ['streamVersion', { ce_streamversion: '0' }],
    ['actor.kind', { ce_actorkind: 'alien' }],
    ['tenant', { ce_tenant: undefined }],
    ['tenant', { ce_tenant: 'a\0b' }],
  ])('that lack a good %s are dead letters that name it', (field, changed) => {
    expect(fromKafka(topic, 2, received(toKafka(sent), changed))).toMatchObject({
      code: 'invalid_message',
      field,
      malformed: { raw: { position: 'countersign.alerts/2/7', key: 'a' } },
    });
  });

  it.each(['', 'no { JSON', '[]', 'null', '"text"'])('with %j as data are dead letters', (value) => {
    const raw = { ...received(toKafka(sent)), value: Buffer.from(value) };
    expect(fromKafka(topic, 0, raw)).toMatchObject({ code: 'invalid_message', field: 'data' });
  });

  it('carry nothing personal in the open once they are sealed, and come back to be opened', () => {
    const ring = KeyRing.create();
    const personal = new PersonalData(() => ring);
    const plain = message('a-1', {
      type: 'AlertRefused',
      actor: { kind: 'agent', id: 'assistant', behalfOf: 'alice' },
      data: { receiptId: 'r', original: { encoding: 'utf-8', body: 'J. Doe was here', size: 15 } },
    });
    const kafka = toKafka(personal.sealMessage(plain));
    expect(JSON.stringify([kafka.headers, String(kafka.value)])).not.toMatch(/alice|Doe/);
    const arrival = fromKafka(topic, 0, received(kafka));
    if (!('message' in arrival)) throw new Error('taken for no message');
    expect(personal.openMessage(arrival.message)).toEqual(plain);
  });

  it('without key, headers and value are dead letters', () => {
    const raw: KafkaMessage = { key: null, value: null, offset: '7', timestamp: '0', attributes: 0, headers: {} };
    expect(fromKafka(topic, 0, raw)).toMatchObject({ code: 'invalid_message', field: 'ce_specversion' });
  });

  it('that died carry why, and what they were, bytes and all', () => {
    const death = { topic, key: 'a', messageId: 'm', tenant: '', code: 'invalid_field', reason: 'no', attempts: 1 };
    expect(deadToKafka('countersign.case', { ...death, field: 'data.x', message: sent })).toMatchObject({
      key: 'a',
      value: '{"name":"a-1"}',
      headers: { ce_type: 'AlertAccepted', ce_deadgroup: 'countersign.case', ce_deadfield: 'data.x' },
    });
    const bytes = Buffer.from([0xff, 0, 1]);
    const arrival = fromKafka(topic, 0, { ...received(toKafka(sent)), value: bytes });
    if (!('malformed' in arrival)) throw new Error('taken for a message');
    expect(deadToKafka('countersign.case', { ...death, message: arrival.malformed }).value).toEqual(bytes);
  });
});
