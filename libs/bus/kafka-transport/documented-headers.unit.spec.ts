import addFormats from 'ajv-formats';
import Ajv from 'ajv';
import { asyncApiDocument } from '#contracts/asyncapi';
import { contractsOf, deadTopic, messageSource, ownerOf, TOPICS } from '#contracts/topics';
import { message } from '../conformance/bus-fixture';
import type { BusMessage } from '../port';
import { deadToKafka, toKafka } from './cloud-events';

// References lead into the document, so that to the validator it is one schema.
const ajv = addFormats(new Ajv({ strict: false })).addSchema({ $id: 'asyncapi', ...asyncApiDocument() });

const faultsIn = (headers: unknown, name: string): string[] => {
  ajv.validate({ $ref: `asyncapi#/components/messages/${name}/headers` }, headers);
  return (ajv.errors ?? []).map(({ instancePath, message: why }) => `${instancePath} ${String(why)}`);
};

/** Every message that the contracts have, as its owner publishes it. */
const published: readonly BusMessage[] = TOPICS.flatMap((topic) =>
  Object.values(contractsOf(topic)).map(({ type, version }) =>
    message('a-1', {
      topic,
      type,
      schemaVersion: version,
      source: messageSource(ownerOf(topic) ?? 'ledger'),
      streamVersion: 4,
      causationId: 'c-1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      actor: { kind: 'agent', id: 'assistant', behalfOf: 'alice' },
    }),
  ),
);
const nameOf = ({ topic, type, schemaVersion }: BusMessage) => `${topic}.${type}.v${schemaVersion}`;

describe('the headers of a message on Kafka', () => {
  it.each(published)('are those that AsyncAPI names: $type on $topic', (sent) => {
    expect(faultsIn(toKafka(sent).headers, nameOf(sent))).toEqual([]);
    const documented = Object.keys(ajv.getSchema('asyncapi#/components/schemas/Headers/properties')?.schema ?? {});
    expect(documented).toEqual(expect.arrayContaining(Object.keys(toKafka(sent).headers ?? {})));
  });

  it('are wrong without a tenant, of another type, and of an event without its place in the stream', () => {
    const [event] = published;
    if (!event) throw new Error('the contracts have no message');
    const { ce_tenant: _, ...headers } = toKafka(event).headers ?? {};
    expect(faultsIn(headers, nameOf(event))).toEqual([" must have required property 'ce_tenant'"]);
    expect(faultsIn({ ...toKafka(event).headers, ce_type: 'Other' }, nameOf(event))).toEqual([
      '/ce_type must be equal to constant',
    ]);
    expect(faultsIn(toKafka({ ...event, streamVersion: undefined }).headers, nameOf(event))).toEqual([
      " must have required property 'ce_streamversion'",
    ]);
  });

  it('say of a dead letter why it died', () => {
    const sent = message('a-1', { topic: deadTopic('countersign.alerts') });
    const death = {
      topic: 'countersign.alerts',
      key: 'a',
      messageId: sent.id,
      tenant: 'default',
      code: 'invalid_field',
      reason: 'is missing',
      field: 'data.severity',
      attempts: 1,
      message: sent,
    };
    expect(faultsIn(deadToKafka('countersign.case', death).headers, 'DeadLetter')).toEqual([]);
    expect(faultsIn(toKafka(sent).headers, 'DeadLetter')).toContain(" must have required property 'ce_deadgroup'");
  });
});
