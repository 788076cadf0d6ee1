import { ApiClient } from '#libs/client';
import { bundledAlerts } from './alert-feed';
import { eventually } from './eventually';
import { recordOf } from './outside-systems';
import { PATIENCE_MS, sourceTokens } from './running-demo';
import type { ExportedSpan } from './trace-collector';
import {
  newCaller,
  orphans,
  spansOfAlert,
  TOPICS_OF_CALL,
  traceparentOf,
  useTracedDemo,
  wayTo,
  withoutLane,
} from './traced-alert';

jest.setTimeout(PATIENCE_MS);

const LOAD = 2_000;
const REQUESTS = 20;

const running = useTracedDemo();

describe('the spans of an alert', () => {
  const caller = newCaller();
  let spans: ExportedSpan[];

  beforeAll(async () => {
    spans = await spansOfAlert(running, caller);
  });

  it('are one tree, below the span of who sent it', () => {
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
    expect(spans.filter(({ parentSpanId }) => parentSpanId === caller.spanId).map(({ name }) => name)).toEqual([
      'POST /v1/alerts',
    ]);
    expect(orphans(spans, caller)).toEqual([]);
  });

  it('come from every service on the way', () => {
    expect([...new Set(spans.map(({ service }) => service))].sort()).toEqual(
      ['approval', 'case', 'connector', 'enrichment', 'gateway', 'ingest', 'playbook-orchestrator'].map(
        (name) => `countersign-${name}`,
      ),
    );
  });

  it('lead from a call back through every topic to the request', async () => {
    const call = spans.find(({ name }) => name === 'call ticketing.create_ticket');
    const way = wayTo(call, spans).map(({ name }) => withoutLane(name));
    expect(way.filter((name) => name.startsWith('process'))).toEqual(TOPICS_OF_CALL);
    expect(way.slice(0, 2)).toEqual(['POST /v1/alerts', 'POST /v1/alerts']);
    const { entries } = await recordOf(running.data, 'ticketing');
    expect(entries.map(({ traceparent }) => traceparent)).toContain(`00-${caller.traceId}-${call?.spanId ?? ''}-01`);
  });

  it('name neither a secret nor a person', () => {
    const said = JSON.stringify(spans);
    for (const token of Object.values(sourceTokens(running.data))) expect(said).not.toContain(token);
    expect(said).not.toContain('m.keller');
    expect(said).not.toContain('203.0.113.66');
  });
});

describe('the spans of many alerts', () => {
  it('are as many as their batches', async () => {
    const { collector, demo, data } = running;
    const before = collector.spans.length;
    const callers = Array.from({ length: REQUESTS }, newCaller);
    const lines = (at: number) =>
      Array.from({ length: LOAD / REQUESTS }, (_, index) => JSON.stringify(numbered(at * LOAD + index))).join('\n');
    const client = new ApiClient(demo.url, sourceTokens(data)['wazuh']);
    await Promise.all(
      callers.map((caller, at) =>
        // A sender that is told to come back does so.
        eventually(`request ${at} to be taken`, () =>
          client.request('POST', '/v1/alerts', {
            query: { format: 'wazuh' },
            raw: { body: lines(at), contentType: 'application/x-ndjson' },
            headers: { traceparent: traceparentOf(caller) },
          }),
        ),
      ),
    );
    const handled = (name: string, service: string) =>
      collector.spans
        .slice(before)
        .filter((span) => withoutLane(span.name).startsWith(name) && span.service === `countersign-${service}`);
    const messagesIn = (spans: readonly ExportedSpan[]) =>
      spans.reduce((sum, { attributes }) => sum + Number(attributes['messaging.batch.message_count']), 0);
    const steps = [
      // One that goes to several lanes names no topic.
      ['publish', 'ingest'],
      ['process countersign.alerts', 'enrichment'],
      ['publish', 'enrichment'],
      ['process countersign.alerts.enriched', 'case'],
      ['process countersign.alert', 'ingest'],
    ] as const;
    await eventually('a span with every alert of every step', async () =>
      steps.every(([name, service]) => messagesIn(handled(name, service)) >= LOAD),
    );
    for (const [name, service] of steps) {
      const spans = handled(name, service);
      expect([name, spans.length <= LOAD / 10]).toEqual([name, true]);
      for (const { links } of spans) expect(links.length).toBeLessThanOrEqual(128);
    }
    expect(collector.spans.length - before).toBeLessThan(LOAD / 2);
    // Whatever stands in a trace of its own says which it came from.
    const traces = new Set(callers.map(({ traceId }) => traceId));
    const joined = collector.spans.slice(before).filter(({ traceId, name }) => !traces.has(traceId) && /^p/.test(name));
    for (const { name, parentSpanId, links } of joined) {
      expect([name, parentSpanId !== '' || links.length > 1]).toEqual([name, true]);
    }
  });
});

/** One of a storm that no playbook waits for. */
function numbered(number: number): unknown {
  const { body } = bundledAlerts().find(({ source }) => source === 'wazuh') ?? { body: {} };
  return { ...(body as object), id: `1795525999.${number}` };
}
