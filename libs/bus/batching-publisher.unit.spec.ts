import { node, tracing } from '@opentelemetry/sdk-node';
import { Telemetry } from '#libs/telemetry';
import { BatchingPublisher, type BatchLimits } from './batching-publisher';
import { message } from './conformance/bus-fixture';
import type { BusMessage } from './port';

/** One byte a message unless it says otherwise. */
class Recorder extends BatchingPublisher<string> {
  readonly batches: string[][] = [];
  failing: string | undefined;

  constructor(limits: Partial<BatchLimits> = {}, telemetry?: Telemetry) {
    super({ messages: 3, bytes: 10, messageBytes: 8, ...limits }, 'postgresql', telemetry);
  }
  protected encode({ data }: BusMessage): { encoded: string; bytes: number } {
    return { encoded: String(data['name']), bytes: Number(data['bytes'] ?? 1) };
  }
  protected async send(batch: readonly string[]): Promise<void> {
    this.batches.push([...batch]);
    await Promise.resolve();
    if (this.failing !== undefined && batch.includes(this.failing)) throw new Error('connection lost');
  }
  protected disconnect(): Promise<void> {
    return Promise.resolve();
  }
}

const messages = (...names: string[]) => names.map((name) => message(name));
const sized = (name: string, bytes: number) => message(name, { data: { name, bytes } });

describe('publishing', () => {
  it('joins calls into batches, in the order of the calls', async () => {
    const publisher = new Recorder();
    await Promise.all([
      publisher.publish(messages('a')),
      publisher.publish(messages('b', 'c', 'd')),
      publisher.publish(messages('e')),
    ]);
    expect(publisher.batches).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
  });

  it('bounds the bytes of a batch, and lets a large message travel alone', async () => {
    const publisher = new Recorder();
    await publisher.publish([sized('a', 5), sized('b', 6), sized('c', 8), sized('d', 1)]);
    expect(publisher.batches).toEqual([['a'], ['b'], ['c', 'd']]);
  });

  it('fails the calls of a batch that failed, and no others', async () => {
    const publisher = new Recorder();
    publisher.failing = 'c';
    const results = await Promise.allSettled([
      publisher.publish(messages('a', 'b')),
      publisher.publish(messages('c', 'd', 'e')),
      publisher.publish(messages('f')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'bus_unavailable', cause: { message: 'connection lost' } } });
    // What follows in a call that failed is not sent: its sender publishes all of it again, in order.
    expect(publisher.batches).toEqual([['a', 'b', 'c'], ['f']]);
  });

  it('publishes none of a call that holds what could never be published', async () => {
    const publisher = new Recorder();
    await expect(publisher.publish([sized('a', 1), sized('b', 9)])).rejects.toMatchObject({
      code: 'message_too_large',
      field: 'messages[1]',
    });
    expect(publisher.batches).toEqual([]);
  });

  it('ends what it has taken before it closes, and takes no more', async () => {
    const publisher = new Recorder();
    const published = publisher.publish(messages('a'));
    await publisher.close();
    await published;
    await expect(publisher.publish(messages('b'))).rejects.toMatchObject({ code: 'bus_unavailable' });
  });
});

describe('the span of a batch that is published', () => {
  const exporter = new tracing.InMemorySpanExporter();
  const provider = new node.NodeTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] });
  const telemetry = new Telemetry(provider.getTracer('test'));
  const traceparent = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
  const traced = (digit: string, ...names: string[]) =>
    names.map((name) => message(name, { traceparent: traceparent(digit) }));

  beforeEach(() => exporter.reset());
  afterAll(() => provider.shutdown());

  it('stands in the trace of a single call', async () => {
    await new Recorder({}, telemetry).publish(traced('a', 'one', 'two'));
    const [span, ...more] = exporter.getFinishedSpans();
    expect(more).toEqual([]);
    expect(span?.name).toBe('publish countersign.alerts');
    expect(span?.parentSpanContext?.spanId).toBe('a'.repeat(16));
    expect(span?.attributes).toMatchObject({
      'messaging.system': 'postgresql',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'countersign.alerts',
      'messaging.batch.message_count': 2,
    });
  });

  it('links to every call that was joined in it', async () => {
    const publisher = new Recorder({}, telemetry);
    await Promise.all([publisher.publish(traced('a', 'one')), publisher.publish(traced('b', 'two'))]);
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ links }) => links.map(({ context }) => context.spanId))).toEqual([
      ['a'.repeat(16), 'b'.repeat(16)],
    ]);
  });
});
