import type { JobSpec } from '#libs/jobs';

/** The deadline of a whole run. */
export const RUN_DEADLINE = 'run-deadline';
/** The time of a step, from the dispatch of its action. */
export const STEP_TIMEOUT = 'step-timeout';

export const runDeadlineId = (runId: string): string => `${RUN_DEADLINE}:${runId}`;
export const stepTimeoutId = (actionId: string): string => `${STEP_TIMEOUT}:${actionId}`;

/** @param dueAt RFC 3339. */
export function runDeadlineJob(tenant: string, runId: string, dueAt: string): JobSpec {
  return { id: runDeadlineId(runId), kind: RUN_DEADLINE, tenant, payload: { runId }, dueAt };
}

/** @param dueAt RFC 3339. */
export function stepTimeoutJob(tenant: string, runId: string, actionId: string, dueAt: string): JobSpec {
  return { id: stepTimeoutId(actionId), kind: STEP_TIMEOUT, tenant, payload: { runId, actionId }, dueAt };
}
