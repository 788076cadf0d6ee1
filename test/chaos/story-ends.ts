import type { Acknowledged } from './siem';
import type { Ledger } from './ledger';
import type { Effects } from './effects';
import type { Story } from './story';

interface EventRow {
  readonly stream: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const OUTCOME_UNKNOWN = 'outcome unknown';

/** How a story has ended, in lines that are the same whenever it ended the same way. */
export type Ends = ReadonlyMap<string, readonly string[]>;

/** What the ledger holds of the alerts, cases, runs and actions of these stories. */
export async function endsOf(
  stories: readonly Story[],
  acknowledged: readonly Acknowledged[],
  ledger: Ledger,
  effects: Effects,
): Promise<Ends> {
  const alertsOf = byKey(
    acknowledged.filter(({ alertId }) => alertId !== undefined),
    ({ story }) => story,
  );
  const ids = [...new Set([...alertsOf.values()].flat().map(({ alertId }) => `alert-${alertId}`))];
  const alerts = await eventsOf(ledger, 'alert', 'stream = any($1)', ids);
  const caseIds = [...new Set(alerts.flatMap(({ data }) => (data.caseId === null ? [] : [String(data.caseId)])))];
  const cases = await eventsOf(
    ledger,
    'case',
    'stream = any($1)',
    caseIds.map((id) => `case-${id}`),
  );
  const runs = await eventsOf(ledger, 'run', "data->>'caseId' = any($1)", caseIds);
  const actions = await eventsOf(ledger, 'action', "data->>'caseId' = any($1)", caseIds);
  const alertsByStream = byKey(alerts, ({ stream }) => stream);
  return new Map(
    stories.map(({ id }) => {
      const streams = new Set((alertsOf.get(id) ?? []).map(({ alertId }) => `alert-${alertId}`));
      const own = [...streams].flatMap((stream) => alertsByStream.get(stream) ?? []);
      return [id, linesOf(own, cases, runs, actions, effects)];
    }),
  );
}

function linesOf(
  alerts: readonly EventRow[],
  cases: readonly EventRow[],
  runs: readonly EventRow[],
  actions: readonly EventRow[],
  effects: Effects,
): string[] {
  const recorded = alerts.filter(({ type }) => type === 'AlertRecorded');
  const caseIds = new Set<unknown>(alerts.map(({ data }) => data.caseId).filter((id) => id !== null));
  const ofCase = (rows: readonly EventRow[]) => rows.filter(({ data }) => caseIds.has(data.caseId));
  const count = (rows: readonly EventRow[], type: string) => rows.filter((row) => row.type === type).length;
  const digests = new Set(alerts.map(({ data }) => data.digest).filter((digest) => typeof digest === 'string'));
  return [
    `alerts: ${recorded.length} recorded, ${digests.size} versions`,
    `cases: ${count(ofCase(cases), 'CaseOpened')} opened, ${count(ofCase(cases), 'AlertGrouped')} alerts grouped`,
    ...[...byKey(ofCase(runs), ({ stream }) => stream).values()]
      .map((events) => runLines(events, actions, effects))
      .sort(([a = ''], [b = '']) => a.localeCompare(b))
      .flat(),
  ];
}

/** The run's end, and its actions in the order of their names. */
function runLines(events: readonly EventRow[], actions: readonly EventRow[], effects: Effects): string[] {
  const started = events.find(({ type }) => type === 'RunStarted');
  const end = events.find(({ type }) => type === 'RunCompleted' || type === 'RunFailed');
  const name = String(started?.data.playbookName);
  const requested = events.filter(({ type }) => type === 'ActionRequested').map(({ data }) => data);
  if (requested.some((data) => isUnknown(data, events, actions, effects))) return [`run ${name}: ${OUTCOME_UNKNOWN}`];
  const why = end?.data.code === undefined ? '' : ` (${String(end.data.code)})`;
  const lines = requested.map((data) => actionLine(data, events, actions, effects)).sort();
  return [`run ${name}: ${end?.type ?? 'has no end'}${why}`, ...lines];
}

/**
 * A target that ignores idempotency keys may have got the call or not when it was cut off, and so may one that was cut off at
 * every attempt. The step then says "outcome unknown", and the run goes on as its playbook says for steps that fail.
 */
function isUnknown(
  { actionId, stepId }: EventRow['data'],
  events: readonly EventRow[],
  actions: readonly EventRow[],
  effects: Effects,
): boolean {
  return (
    endOf(stepId, events)?.data.code === 'outcome_unknown' &&
    effects.of(String(actionId)) <= 1 &&
    ['ActionOutcomeUnknown', 'ActionFailed'].includes(lastOf(actionId, actions)?.type ?? '')
  );
}

/** The lines of an end without those of the runs of whose outcome the other end says that it is not known. */
export function withoutUnknown(lines: readonly string[], other: readonly string[]): string[] {
  const unknown = other.filter((line) => line.endsWith(`: ${OUTCOME_UNKNOWN}`)).map((line) => line.split(': ')[0]);
  let isLeftOut = false;
  return lines.filter((line) => {
    if (!line.startsWith('  ')) isLeftOut = unknown.includes(line.split(': ')[0]);
    return !isLeftOut;
  });
}

function actionLine(
  { actionId, stepId }: EventRow['data'],
  events: readonly EventRow[],
  actions: readonly EventRow[],
  effects: Effects,
): string {
  const name = events.find(({ type, data }) => type === 'StepStarted' && data.stepId === stepId)?.data.name;
  const step = endOf(stepId, events);
  const action = lastOf(actionId, actions);
  const done = effects.of(String(actionId));
  const code = step?.data.code === undefined ? '' : ` (${String(step.data.code)})`;
  const times = done === 0 ? 'not done' : done === 1 ? 'done once' : `DONE ${done} TIMES`;
  return `  ${String(name)}: ${step?.type ?? 'has no end'}${code}, ${action?.type ?? 'never begun'}, ${times}`;
}

const endOf = (stepId: unknown, events: readonly EventRow[]): EventRow | undefined =>
  events.find(({ type, data }) => /^Step(Completed|Failed)$/.test(type) && data.stepId === stepId);

const lastOf = (actionId: unknown, actions: readonly EventRow[]): EventRow | undefined =>
  actions.filter(({ data }) => data.actionId === actionId).at(-1);

function byKey<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function eventsOf(ledger: Ledger, category: string, where: string, values: readonly string[]): Promise<EventRow[]> {
  const text = `select stream, type, data from ledger.events where category = '${category}' and ${where}
                order by stream, version`;
  return values.length === 0 ? Promise.resolve([]) : ledger.query<EventRow>(text, [values]);
}
