import { api, node, tracing } from '@opentelemetry/sdk-node';
import { DomainError } from '#libs/kernel';
import { type EndedBatch, Telemetry } from './telemetry';

const exporter = new tracing.InMemorySpanExporter();
const provider = new node.NodeTracerProvider({ spanProcessors: [new tracing.SimpleSpanProcessor(exporter)] });
provider.register();
const ended: EndedBatch[] = [];
const telemetry = new Telemetry(provider.getTracer('test'), (batch) => ended.push(batch));

beforeEach(() => {
  exporter.reset();
  ended.length = 0;
});
afterAll(async () => {
  await provider.shutdown();
  api.trace.disable();
  api.context.disable();
});

const traceId = (number: number) => number.toString(16).padStart(32, '0');
const spanId = (number: number) => number.toString(16).padStart(16, '0');
const traceparent = (trace: number, span: number, flags = '01') => `00-${traceId(trace)}-${spanId(span)}-${flags}`;

async function handled(traceparents: readonly (string | undefined)[]): Promise<string | undefined> {
  const origins = telemetry.origins(() => traceparents);
  return telemetry.batch({ operation: 'process', destination: 'alerts', size: traceparents.length, origins }, (own) =>
    Promise.resolve(own),
  );
}

describe('the span of a batch', () => {
  it('stands in the trace of its messages when that is one', async () => {
    const own = await handled([traceparent(1, 1), traceparent(1, 1), undefined]);
    const [span] = exporter.getFinishedSpans();
    expect(span?.name).toBe('process alerts');
    expect(span?.kind).toBe(api.SpanKind.CONSUMER);
    expect(span?.parentSpanContext?.spanId).toBe(spanId(1));
    expect(span?.links).toEqual([]);
    expect(own).toBe(`00-${traceId(1)}-${span?.spanContext().spanId}-01`);
  });

  it('links to the other spans of that trace', async () => {
    await handled([traceparent(1, 1), traceparent(1, 2)]);
    const [span] = exporter.getFinishedSpans();
    expect(span?.parentSpanContext?.spanId).toBe(spanId(1));
    expect(span?.links.map(({ context }) => context.spanId)).toEqual([spanId(2)]);
  });

  it('begins a trace with links to all of several, the first 128 of them, and says how many there are', async () => {
    await handled(Array.from({ length: 300 }, (_, index) => traceparent(index + 1, 1)));
    const spans = exporter.getFinishedSpans();
    expect(spans).toHaveLength(1);
    expect(spans[0]?.parentSpanContext).toBeUndefined();
    expect(spans[0]?.links.map(({ context }) => context.traceId)).toEqual(
      Array.from({ length: 128 }, (_, index) => traceId(index + 1)),
    );
    expect(spans[0]?.attributes['countersign.batch.origins']).toBe(300);
  });

  it('is there for those alone whose traces are recorded', async () => {
    expect(await handled([traceparent(1, 1, '00'), traceparent(2, 1, '00'), undefined, 'nonsense'])).toBeUndefined();
    expect(exporter.getFinishedSpans()).toEqual([]);
    await handled([traceparent(1, 1, '00'), traceparent(2, 1), traceparent(3, 1, '00')]);
    expect(exporter.getFinishedSpans()[0]?.parentSpanContext?.traceId).toBe(traceId(2));
  });

  it('is the origin of what is handed over within it', async () => {
    const origins = telemetry.origins(() => [traceparent(1, 1), traceparent(2, 1)]);
    await telemetry.batch({ operation: 'process', size: 2, origins }, async () => {
      const within = telemetry.origins(() => [traceparent(1, 1), traceparent(2, 1)]);
      await telemetry.batch({ operation: 'append', destination: 'ledger', size: 2, origins: within }, () =>
        Promise.resolve(),
      );
    });
    const [append, process] = exporter.getFinishedSpans();
    expect(append?.parentSpanContext?.spanId).toBe(process?.spanContext().spanId);
    expect(process?.links).toHaveLength(2);
  });

  it('tells of a failure by its code, and never by its message', async () => {
    const failure = new DomainError('bus_unavailable', 'for alice@example.org');
    const origins = telemetry.origins(() => [traceparent(1, 1)]);
    const failing = telemetry.batch({ operation: 'publish', size: 1, origins }, () => Promise.reject(failure));
    await expect(failing).rejects.toBe(failure);
    const [span] = exporter.getFinishedSpans();
    expect(span?.attributes['error.type']).toBe('bus_unavailable');
    expect(JSON.stringify([span?.status, span?.events, span?.attributes])).not.toContain('alice');
    expect(ended).toEqual([
      { operation: 'publish', destination: undefined, size: 1, seconds: expect.any(Number), failed: true },
    ]);
  });
});

describe('the span of a piece of work', () => {
  it('is caused by its parent, and causes what the work leads to', async () => {
    const carried = await telemetry.span({ name: 'run StartRun', parent: traceparent(1, 1) }, (own) =>
      Promise.resolve(own),
    );
    const [span] = exporter.getFinishedSpans();
    expect(span?.parentSpanContext?.spanId).toBe(spanId(1));
    expect(carried).toBe(`00-${traceId(1)}-${span?.spanContext().spanId}-01`);
  });

  it('begins a trace where nothing caused it', async () => {
    await telemetry.span({ name: 'approval Expire', parent: undefined }, () => Promise.resolve());
    expect(exporter.getFinishedSpans()[0]?.parentSpanContext).toBeUndefined();
  });

  it('carries a refusal to record on', async () => {
    const parentBased = new node.NodeTracerProvider({
      sampler: new tracing.ParentBasedSampler({ root: new tracing.AlwaysOffSampler() }),
    });
    const unrecorded = new Telemetry(parentBased.getTracer('test'));
    const { traceparent: carried } = unrecorded.request('POST /v1/alerts', undefined, {});
    expect(carried).toMatch(/-00$/);
    expect(unrecorded.origins(() => [carried])).toEqual([]);
  });
});

describe('without a tracer', () => {
  const silent = new Telemetry(undefined, (batch) => ended.push(batch));

  it('nothing is looked at, and causes pass as they came', async () => {
    const origins = silent.origins(() => {
      throw new Error('asked for traceparents');
    });
    await silent.batch({ operation: 'process', destination: 'alerts', size: 3, origins }, (own) => {
      expect(own).toBeUndefined();
      return Promise.resolve();
    });
    await silent.span({ name: 'run StartRun', parent: traceparent(1, 1) }, (own) => {
      expect(own).toBe(traceparent(1, 1));
      return Promise.resolve();
    });
    expect(ended).toEqual([
      { operation: 'process', destination: 'alerts', size: 3, seconds: expect.any(Number), failed: false },
    ]);
  });

  it('a request still has a trace to carry', () => {
    expect(silent.request('POST /v1/alerts', traceparent(1, 1), {}).traceparent).toMatch(
      new RegExp(`^00-${traceId(1)}-(?!${spanId(1)})`),
    );
  });
});
