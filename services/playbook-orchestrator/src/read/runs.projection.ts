import { In, type EntityManager } from 'typeorm';
import type { RunEvent } from '#contracts/events/run';
import type { RecordedEvent } from '#libs/event-store';
import type { JobQueue, JobSpec } from '#libs/jobs';
import type { JsonObject } from '#libs/kernel';
import type { Projection } from '#libs/read-model';
import { runDeadlineId, runDeadlineJob, stepTimeoutId, stepTimeoutJob } from '../app/run-deadline-jobs';
import { actionIdOf } from '../domain/run-flow';
import { RunRow } from './run.entity';
import { RunStepRow } from './run-step.entity';

/** The rows that a batch of events touches, in memory. */
interface Rows {
  readonly runs: Map<string, RunRow>;
  readonly steps: Map<string, RunStepRow>;
}
const keyOf = (runId: string, stepId: string): string => `${runId} ${stepId}`;

/** Keeps runs and their steps, and schedules their deadlines in the same transaction: no restart loses one. */
export class RunsProjection implements Projection {
  readonly name = 'runs';
  readonly categories = ['run'] as const;
  readonly entities = [RunRow, RunStepRow];

  constructor(private readonly jobs: Pick<JobQueue, 'schedule' | 'cancel'>) {}

  async apply(events: readonly RecordedEvent[], tx: EntityManager): Promise<void> {
    const rows = await load(events, tx);
    const due: JobSpec[] = [];
    const over: string[] = [];
    for (const recorded of events) {
      // The ledger holds only what this service has written to the category, by the category's contract.
      const event = { type: recorded.type, data: recorded.data } as unknown as RunEvent;
      applyToRun(recorded, event, rows);
      applyToStep(recorded, event, rows);
      keepDeadlines(recorded, event, due, over);
    }
    await tx.save(RunRow, [...rows.runs.values()]);
    await tx.save(RunStepRow, [...rows.steps.values()]);
    await this.jobs.schedule(due, tx);
    await this.jobs.cancel(over, tx);
  }
}

async function load(events: readonly RecordedEvent[], tx: EntityManager): Promise<Rows> {
  const runIds = [...new Set(events.map(({ data }) => String(data.runId)))];
  const runs = await tx.findBy(RunRow, { runId: In(runIds) });
  const steps = await tx.findBy(RunStepRow, { runId: In(runIds) });
  return {
    runs: new Map(runs.map((run) => [run.runId, run])),
    steps: new Map(steps.map((step) => [keyOf(step.runId, step.stepId), step])),
  };
}

function applyToRun(recorded: RecordedEvent, event: RunEvent, { runs, steps }: Rows): void {
  const { runId } = event.data;
  const at = new Date(recorded.time);
  if (event.type === 'RunStarted') {
    const { playbookId, playbookDigest, playbookName, caseId, trigger, variables, overridden, deadline } = event.data;
    const row: RunRow = {
      ...{ runId, tenant: recorded.tenant, playbookId, playbookDigest, playbookName, caseId, overridden },
      status: 'running',
      trigger: trigger.kind,
      startedBy: recorded.actor,
      variables: variables as JsonObject,
      startedAt: at,
      deadline: new Date(deadline),
      endedAt: null,
      code: null,
      reason: null,
    };
    runs.set(runId, row);
    return;
  }
  const run = runs.get(runId);
  if (run === undefined) return;
  if (event.type === 'RunCompleted') Object.assign(run, { status: 'completed', endedAt: at });
  if (event.type === 'RunFailed') {
    Object.assign(run, { status: 'failed', endedAt: at, code: event.data.code, reason: event.data.reason });
    for (const step of stepsOf(runId, steps)) {
      if (step.endedAt === null) Object.assign(step, { status: 'cancelled', endedAt: at });
    }
  }
}

const stepsOf = (runId: string, steps: ReadonlyMap<string, RunStepRow>): RunStepRow[] =>
  [...steps.values()].filter((step) => step.runId === runId);

function applyToStep(recorded: RecordedEvent, event: RunEvent, { runs, steps }: Rows): void {
  if (!('stepId' in event.data) || event.data.stepId === null) return;
  const { runId, stepId } = event.data;
  const at = new Date(recorded.time);
  if (event.type === 'StepStarted') {
    const row: RunStepRow = {
      ...{ runId, stepId, tenant: recorded.tenant, startedVersion: recorded.version, status: 'started' },
      ...{
        kind: event.data.kind,
        name: event.data.name,
        startedAt: at,
        actionId: null,
        connectionId: null,
        action: null,
      },
      ...{
        target: null,
        requestedAt: null,
        dispatchedAt: null,
        endedAt: null,
        outputs: null,
        code: null,
        reason: null,
      },
    };
    steps.set(keyOf(runId, stepId), row);
    return;
  }
  const step = steps.get(keyOf(runId, stepId));
  if (step === undefined) return;
  switch (event.type) {
    case 'ActionRequested': {
      const { actionId, connectionId, action, target } = event.data.request;
      Object.assign(step, { status: 'waiting', actionId, connectionId, action, target, requestedAt: at });
      break;
    }
    case 'ActionDispatched':
      Object.assign(step, { status: 'dispatched', dispatchedAt: at });
      break;
    case 'StepCompleted':
      Object.assign(step, { status: 'completed', endedAt: at, outputs: event.data.outputs });
      break;
    case 'StepFailed':
      Object.assign(step, { status: 'failed', endedAt: at, code: event.data.code, reason: event.data.reason });
      break;
    default:
      return;
  }
  const run = runs.get(runId);
  if (run === undefined || run.endedAt !== null) return;
  run.status = stepsOf(runId, steps).some(({ status }) => status === 'waiting') ? 'waiting' : 'running';
}

function keepDeadlines({ tenant, time }: RecordedEvent, event: RunEvent, due: JobSpec[], over: string[]): void {
  const { runId } = event.data;
  switch (event.type) {
    case 'RunStarted':
      due.push(runDeadlineJob(tenant, runId, event.data.deadline));
      break;
    case 'ActionDispatched': {
      const { actionId, request } = event.data;
      const dueAt = new Date(Date.parse(time) + request.timeoutMs).toISOString();
      due.push(stepTimeoutJob(tenant, runId, actionId, dueAt));
      break;
    }
    case 'StepCompleted':
    case 'StepFailed':
      over.push(stepTimeoutId(actionIdOf(runId, event.data.stepId)));
      break;
    case 'RunCompleted':
    case 'RunFailed':
      over.push(runDeadlineId(runId));
      break;
    default:
      break;
  }
}
