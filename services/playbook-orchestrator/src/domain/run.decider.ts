import type { RunEvent } from '#contracts/events/run';
import { assignOutputs, playbookExtensionOf, DEFAULT_RUN_TIMEOUT_MS, stepOf } from '#libs/cacao';
import { type Decider, DomainError } from '#libs/kernel';
import { advance, bounded, type RunFlow } from './run-flow';
import { evolveRun, type RequestedAction, type RunState, type StartedRun } from './run-state';
import type { StartVariables } from './start-variables';

/** What the connector says of an action. */
export type ActionResult =
  | { readonly kind: 'succeeded'; readonly outputs: Readonly<Record<string, unknown>> }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string };

export type RunCommand =
  | {
      readonly type: 'StartRun';
      readonly runId: string;
      readonly caseId: string | null;
      readonly playbookId: string;
      readonly playbookDigest: string;
      readonly trigger: { readonly kind: 'case_opened' | 'alert_grouped' | 'manual'; readonly eventId: string | null };
      readonly variables: StartVariables;
      /** What the person who started it set. */
      readonly overridden: readonly string[];
      readonly now: Date;
      readonly flow: RunFlow;
    }
  /** The approval service allowed it, by policy or by a human's grant, and the warrant has been verified. */
  | { readonly type: 'DispatchAction'; readonly actionId: string; readonly warrant: string }
  /** It may not run: denied, expired, rejected, or its warrant is not valid. */
  | {
      readonly type: 'RefuseAction';
      readonly actionId: string;
      readonly code: string;
      readonly reason: string;
      readonly flow: RunFlow;
    }
  | { readonly type: 'EndAction'; readonly actionId: string; readonly result: ActionResult; readonly flow: RunFlow }
  /** Its step's time is over. */
  | { readonly type: 'ExpireAction'; readonly actionId: string; readonly flow: RunFlow }
  /** The run may not go on: its deadline, a closed case, a retired playbook. */
  | { readonly type: 'StopRun'; readonly code: string; readonly reason: string };

/** Longer outputs would not fit into an event. Characters of JSON. */
const LONGEST_OUTPUTS = 128 * 1024;

/**
 * A run of a playbook: every result moves it on as far as it goes by itself, in the same decision. What comes twice or
 * too late changes nothing, so that redelivery and races are harmless (invariant 7).
 */
export const runDecider: Decider<RunState, RunCommand, RunEvent> = {
  decide,
  evolve: evolveRun,
  initialState: () => ({ status: 'none' }),
};

function decide(command: RunCommand, state: RunState): RunEvent[] {
  if (command.type === 'StartRun') return start(command, state);
  if (state.status === 'none') throw new DomainError('not_found', { field: 'runId', reason: 'there is no such run' });
  if (state.status !== 'running') return [];
  if (command.type === 'StopRun') return stop(command, state);

  const action = state.actions.get(command.actionId);
  if (action === undefined) {
    throw new DomainError('not_found', {
      field: 'actionId',
      reason: `the run asked for no action ${command.actionId}`,
    });
  }
  if (state.steps.get(action.stepId)?.status !== 'waiting') return [];
  switch (command.type) {
    case 'DispatchAction':
      return action.dispatched ? [] : [dispatched(action, state, command.warrant)];
    case 'RefuseAction':
      return action.dispatched ? [] : [...moveOn(state, [stepFailed(action, state, command)], command.flow)];
    case 'EndAction':
      return moveOn(state, [ended(action, state, command.result, command.flow)], command.flow);
    case 'ExpireAction': {
      if (!action.dispatched) return [];
      const reason = `no result within ${action.request.timeoutMs} ms of the dispatch`;
      const failed = stepFailed(action, state, { code: 'timeout', reason });
      return moveOn(state, [...withdrawn(action, state, reason), failed], command.flow);
    }
  }
}

function start(command: RunCommand & { type: 'StartRun' }, state: RunState): RunEvent[] {
  if (state.status !== 'none') return [];
  const { runId, caseId, playbookId, playbookDigest, trigger, variables, overridden, now, flow } = command;
  const timeoutMs = playbookExtensionOf(flow.playbook).run_timeout ?? DEFAULT_RUN_TIMEOUT_MS;
  const started: RunEvent = {
    type: 'RunStarted',
    data: {
      runId,
      caseId,
      playbookId,
      playbookDigest,
      playbookName: flow.playbook.name,
      trigger,
      variables: { ...variables },
      overridden: [...overridden],
      deadline: new Date(now.getTime() + timeoutMs).toISOString(),
    },
  };
  return moveOn(state, [started], flow);
}

/** The events themselves, and everything that follows from them. */
function moveOn(state: RunState, events: readonly RunEvent[], flow: RunFlow): RunEvent[] {
  return [...events, ...advance(events.reduce(evolveRun, state), flow)];
}

function dispatched({ stepId, request }: RequestedAction, { runId, caseId }: StartedRun, warrant: string): RunEvent {
  const { actionId } = request;
  return { type: 'ActionDispatched', data: { runId, caseId, stepId, actionId, request, warrant } };
}

function ended(action: RequestedAction, run: StartedRun, result: ActionResult, flow: RunFlow): RunEvent {
  if (result.kind === 'failed') return stepFailed(action, run, result);
  const step = stepOf(flow.playbook, action.stepId);
  try {
    const outputs = step === undefined ? {} : assignOutputs(flow.playbook, step, result.outputs);
    if (JSON.stringify(outputs).length > LONGEST_OUTPUTS) {
      return stepFailed(action, run, {
        code: 'invalid_output',
        reason: `the outputs are longer than ${LONGEST_OUTPUTS} characters`,
      });
    }
    return { type: 'StepCompleted', data: { runId: run.runId, caseId: run.caseId, stepId: action.stepId, outputs } };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return stepFailed(action, run, { code: 'invalid_output', reason: error.message });
  }
}

function stepFailed(
  { stepId }: RequestedAction,
  { runId, caseId }: StartedRun,
  trouble: { readonly code: string; readonly reason: string },
): RunEvent {
  return { type: 'StepFailed', data: { runId, caseId, stepId, ...bounded(trouble) } };
}

/** Revokes what still waits for people, or has a warrant that may be unspent; a read needs no revocation. */
function withdrawn(action: RequestedAction, { runId, caseId }: StartedRun, reason: string): RunEvent[] {
  if (action.dispatched && !action.warranted) return [];
  const { stepId, request } = action;
  return [{ type: 'ActionWithdrawn', data: { runId, caseId, stepId, actionId: request.actionId, reason } }];
}

function stop({ code, reason }: RunCommand & { type: 'StopRun' }, run: StartedRun): RunEvent[] {
  const open = [...run.actions.values()].filter(({ stepId }) => run.steps.get(stepId)?.status === 'waiting');
  const trouble = bounded({ code, reason });
  const failed = { runId: run.runId, caseId: run.caseId, stepId: null, ...trouble };
  return [
    ...open.flatMap((action) => withdrawn(action, run, trouble.reason.slice(0, 2000))),
    { type: 'RunFailed', data: failed },
  ];
}
