import { randomBytes } from 'node:crypto';
import type { CaseSummary, EventView, TimelineEntry } from '#contracts/http/case';
import { bruteForceAlert, deliver } from './alert-feed';
import { containmentRun, grant, waitingContainment } from './contained-case';
import { eventually } from './eventually';
import { recordOf } from './outside-systems';
import { PATIENCE_MS, useRunningDemo } from './running-demo';

jest.setTimeout(PATIENCE_MS);

const running = useRunningDemo();

/** W3C Trace Context: version, trace id, parent id, flags. */
const traceIdOf = (traceparent: unknown): string | undefined => String(traceparent).split('-')[1];

async function eventsOf(stream: string): Promise<readonly EventView[]> {
  const audrey = await running.demo.as('audrey');
  return (await audrey.get<{ items: EventView[] }>(`/v1/streams/${stream}/events`)).items;
}

describe('the trace of an alert', () => {
  const traceId = randomBytes(16).toString('hex');

  it('goes from the HTTP request through every event to the connector’s call', async () => {
    const { demo } = running;
    const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
    const delivery = await deliver(demo, bruteForceAlert(), { traceparent });
    if (delivery.outcome !== 'accepted') throw new Error(JSON.stringify(delivery));
    const asked = await waitingContainment(demo);
    const run = await containmentRun(demo);
    const ticket = run.steps.find(({ name }) => name === 'Open a ticket');
    const streams = [
      `alert-${delivery.alertId}`,
      `case-${run.caseId ?? ''}`,
      `run-${run.runId}`,
      `approval-${ticket?.actionId ?? ''}`,
      `action-${ticket?.actionId ?? ''}`,
      ...asked.map(({ id }) => `approval-${id}`),
    ];
    for (const stream of streams) {
      const events = await eventsOf(stream);
      expect([stream, events.length > 0]).toEqual([stream, true]);
      expect(events.map(({ type, meta }) => [stream, type, traceIdOf(meta['traceparent'])])).toEqual(
        events.map(({ type }) => [stream, type, traceId]),
      );
    }
    // What policy allowed by itself hangs on the alert's own trace, to the last call.
    for (const name of ['intel', 'ticketing', 'chat'] as const) {
      const { entries } = await recordOf(demo.data, name);
      expect(entries.length).toBeGreaterThan(0);
      expect([name, entries.map((call) => traceIdOf(call.traceparent))]).toEqual([name, entries.map(() => traceId)]);
    }
  });

  it('reaches from the grant to the containment', async () => {
    const { demo } = running;
    for (const approval of await waitingContainment(demo)) await grant(demo, approval);
    const run = await eventually('the containment to end', async () => {
      const found = await containmentRun(demo);
      return found.status === 'completed' && found;
    });
    for (const name of ['firewall', 'identity'] as const) {
      const { entries } = await recordOf(demo.data, name);
      expect([name, entries.length]).toEqual([name, 1]);
      const [call] = entries;
      expect(run.steps.map(({ actionId }) => actionId)).toContain(call?.idempotencyKey);
      const granted = (await eventsOf(`approval-${call?.idempotencyKey ?? ''}`)).at(-1);
      expect(granted?.type).toBe('ApprovalGranted');
      expect(traceIdOf(call?.traceparent)).toBe(traceIdOf(granted?.meta['traceparent']));
    }
  });

  it('shows the call of every step of the run in the case’s timeline', async () => {
    const audrey = await running.demo.as('audrey');
    const { items: cases } = await audrey.get<{ items: CaseSummary[] }>('/v1/cases');
    const timeline = `/v1/cases/${cases[0]?.caseId ?? ''}/timeline`;
    const { items } = await audrey.get<{ items: TimelineEntry[] }>(timeline, { limit: 500 });
    const started = items.filter(({ kind }) => kind === 'ActionStarted');
    expect(started.length).toBeGreaterThanOrEqual(5);
  });
});
