import { randomBytes } from 'node:crypto';
import { ApiClient } from '#libs/client';
import { bruteForceAlert, bundledAlerts, deliver } from './alert-feed';
import { containmentRun, waitingContainment } from './contained-case';
import { eventually } from './eventually';
import { recordOf } from './outside-systems';
import { PATIENCE_MS, RunningDemo, sourceTokens, useDataFolder } from './running-demo';
import { type ExportedSpan, TraceCollector } from './trace-collector';

jest.setTimeout(PATIENCE_MS);

/** OpenTelemetry's SpanKind, as OTLP numbers it. */
const CLIENT = 3;
const LOAD = 2_000;
const REQUESTS = 20;

const data = useDataFolder();
let collector: TraceCollector;
let demo: RunningDemo;

beforeAll(async () => {
  collector = await TraceCollector.start();
  // The demo inherits this process's variables.
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.endpoint;
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '200';
  demo = await RunningDemo.start(data);
}, PATIENCE_MS);
afterAll(() => collector.stop());

const newTrace = () => ({ traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') });
const traceparentOf = ({ traceId, spanId }: ReturnType<typeof newTrace>) => `00-${traceId}-${spanId}-01`;

/** Alerts travel in three lanes, a topic each. */
const withoutLane = (name: string): string => name.replace(/\.(urgent|bulk)$/, '');

/** From a span up to the first of its trace. */
function ancestors(span: ExportedSpan, spans: readonly ExportedSpan[]): ExportedSpan[] {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return parent === undefined ? [] : [parent, ...ancestors(parent, spans)];
}

describe('the spans of an alert', () => {
  const caller = newTrace();
  let spans: ExportedSpan[];

  beforeAll(async () => {
    const delivery = await deliver(demo, bruteForceAlert(), { traceparent: traceparentOf(caller) });
    expect(delivery.outcome).toBe('accepted');
    const asked = await waitingContainment(demo);
    const actions = (await containmentRun(demo)).steps.map(({ actionId }) => actionId);
    await eventually('the spans of every event up to the requests for approval', async () => {
      spans = collector.ofTrace(caller.traceId);
      const opened = spans.filter(({ name }) => name === 'approval OpenApproval');
      const called = new Set(spans.filter(({ kind }) => kind === CLIENT).map(({ name }) => name));
      const known = new Set(opened.map(({ attributes }) => attributes['countersign.approval.id']));
      return (
        asked.every(({ id }) => known.has(id) && actions.includes(id)) && called.has('call ticketing.create_ticket')
      );
    });
  });

  it('are one tree, below the span of who sent it', () => {
    const ids = new Set(spans.map(({ spanId }) => spanId));
    expect(ids.size).toBe(spans.length);
    expect(spans.filter(({ parentSpanId }) => parentSpanId === caller.spanId).map(({ name }) => name)).toEqual([
      'POST /v1/alerts',
    ]);
    const orphans = spans.filter(({ parentSpanId }) => parentSpanId !== caller.spanId && !ids.has(parentSpanId));
    expect(orphans).toEqual([]);
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
    const way = call === undefined ? [] : ancestors(call, spans).map(({ name }) => name);
    const topics = ['alerts', 'alerts.enriched', 'case', 'run', 'approval', 'run'];
    expect(
      way
        .reverse()
        .filter((name) => name.startsWith('process'))
        .map(withoutLane),
    ).toEqual(topics.map((topic) => `process countersign.${topic}`));
    expect(way.slice(0, 2)).toEqual(['POST /v1/alerts', 'POST /v1/alerts']);
    const { entries } = await recordOf(data, 'ticketing');
    expect(entries.map(({ traceparent }) => traceparent)).toContain(`00-${caller.traceId}-${call?.spanId ?? ''}-01`);
  });

  it('name neither a secret nor a person', () => {
    const said = JSON.stringify(spans);
    for (const token of Object.values(sourceTokens(data))) expect(said).not.toContain(token);
    expect(said).not.toContain('m.keller');
    expect(said).not.toContain('203.0.113.66');
  });
});

describe('the spans of many alerts', () => {
  it('are as many as their batches', async () => {
    const before = collector.spans.length;
    const callers = Array.from({ length: REQUESTS }, newTrace);
    const lines = (at: number) =>
      Array.from({ length: LOAD / REQUESTS }, (_, index) => JSON.stringify(numbered(at * LOAD + index))).join('\n');
    const client = new ApiClient(demo.url, sourceTokens(data)['wazuh']);
    await Promise.all(
      callers.map((caller, at) =>
        client.request('POST', '/v1/alerts', {
          query: { format: 'wazuh' },
          raw: { body: lines(at), contentType: 'application/x-ndjson' },
          headers: { traceparent: traceparentOf(caller) },
        }),
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
