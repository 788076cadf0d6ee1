import { randomBytes } from 'node:crypto';
import { bruteForceAlert, deliver } from './alert-feed';
import { containmentRun, waitingContainment } from './contained-case';
import { eventually } from './eventually';
import { PATIENCE_MS, RunningDemo, useDataFolder } from './running-demo';
import { type ExportedSpan, TraceCollector } from './trace-collector';

/** The span of who sends something in. */
export interface Caller {
  readonly traceId: string;
  readonly spanId: string;
}

export const newCaller = (): Caller => ({
  traceId: randomBytes(16).toString('hex'),
  spanId: randomBytes(8).toString('hex'),
});
export const traceparentOf = ({ traceId, spanId }: Caller): string => `00-${traceId}-${spanId}-01`;

export interface TracedDemo {
  readonly demo: RunningDemo;
  readonly collector: TraceCollector;
  readonly data: string;
}

/** A system for the spec file that exports its spans to the test. Read it inside of tests and hooks. */
export function useTracedDemo(...args: string[]): TracedDemo {
  const data = useDataFolder();
  let running: Omit<TracedDemo, 'data'> | undefined;
  const started = (): Omit<TracedDemo, 'data'> => {
    if (running === undefined) throw new Error('useTracedDemo: the demo is there after beforeAll');
    return running;
  };
  beforeAll(async () => {
    const collector = await TraceCollector.start();
    // The demo inherits this process's variables.
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.endpoint;
    process.env['OTEL_BSP_SCHEDULE_DELAY'] = '200';
    running = { collector, demo: await RunningDemo.start(data, ...args) };
  }, 2 * PATIENCE_MS);
  afterAll(() => running?.collector.stop());
  return {
    data,
    get demo() {
      return started().demo;
    },
    get collector() {
      return started().collector;
    },
  };
}

/**
 * Sends the alert that leads to a run with calls and to steps that wait for people; resolves to the spans of its trace
 * once both are among them, and each of them that is a parent.
 */
export async function spansOfAlert({ demo, collector }: TracedDemo, caller: Caller): Promise<ExportedSpan[]> {
  const delivery = await deliver(demo, bruteForceAlert(), { traceparent: traceparentOf(caller) });
  if (delivery.outcome !== 'accepted') throw new Error(JSON.stringify(delivery));
  const asked = await waitingContainment(demo);
  await containmentRun(demo);
  return eventually('the spans of everything up to the requests for approval', async () => {
    const spans = collector.ofTrace(caller.traceId);
    const opened = spans.filter(({ name }) => name === 'approval OpenApproval');
    const known = new Set(opened.map(({ attributes }) => attributes['countersign.approval.id']));
    const isComplete =
      asked.every(({ id }) => known.has(id)) &&
      spans.some(({ name }) => name === 'call ticketing.create_ticket') &&
      // A span is exported when it has ended: its children may be faster.
      orphans(spans, caller).length === 0;
    return isComplete && spans;
  });
}

/** Spans whose parent is neither the caller's nor one that was exported. */
export function orphans(spans: readonly ExportedSpan[], caller: Caller): ExportedSpan[] {
  const ids = new Set([caller.spanId, ...spans.map(({ spanId }) => spanId)]);
  return spans.filter(({ parentSpanId }) => !ids.has(parentSpanId));
}

/** What leads to a span, from the first of its trace on. */
export function wayTo(span: ExportedSpan | undefined, spans: readonly ExportedSpan[]): ExportedSpan[] {
  const parent = spans.find(({ spanId }) => spanId === span?.parentSpanId);
  return parent === undefined ? [] : [...wayTo(parent, spans), parent];
}

/** Alerts travel in three lanes, a topic each. */
export const withoutLane = (name: string): string => name.replace(/\.(urgent|bulk)$/, '');

/** The topics that a call of an allowed action comes through. */
export const TOPICS_OF_CALL = ['alerts', 'alerts.enriched', 'case', 'run', 'approval', 'run'].map(
  (topic) => `process countersign.${topic}`,
);
