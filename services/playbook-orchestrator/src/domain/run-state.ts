import type { ActionRequest } from '#contracts/action';
import type { RunEvent } from '#contracts/events/run';
import type { RunProgress, StepProgress, TypedValue, VariableValue } from '#libs/cacao';

/** An action that a step asked for. */
export interface RequestedAction {
  readonly stepId: string;
  readonly request: ActionRequest;
  readonly dispatched: boolean;
  /** It went out with a warrant, which a withdrawal revokes while it is unspent. */
  readonly warranted: boolean;
}

export type RunState =
  | { readonly status: 'none' }
  | {
      readonly status: 'running' | 'completed' | 'failed';
      readonly runId: string;
      readonly caseId: string | null;
      readonly playbookId: string;
      readonly playbookDigest: string;
      readonly variables: ReadonlyMap<string, VariableValue>;
      readonly steps: ReadonlyMap<string, StepProgress>;
      readonly actions: ReadonlyMap<string, RequestedAction>;
    };

export type StartedRun = Exclude<RunState, { status: 'none' }>;

/** What the interpreter needs of a run. */
export const progressOf = (run: StartedRun): RunProgress => ({ variables: run.variables, steps: run.steps });

export function evolveRun(state: RunState, event: RunEvent): RunState {
  if (event.type === 'RunStarted') {
    const { runId, caseId, playbookId, playbookDigest, variables } = event.data;
    // Written by `startVariables` alone.
    const values = Object.entries(variables as Record<string, TypedValue>).map(
      ([name, { value }]) => [name, value] as const,
    );
    const empty = { steps: new Map(), actions: new Map() };
    return { status: 'running', runId, caseId, playbookId, playbookDigest, variables: new Map(values), ...empty };
  }
  if (state.status === 'none') return state;
  switch (event.type) {
    case 'StepStarted':
      return withStep(state, event.data.stepId, { status: 'started' });
    case 'ActionRequested': {
      const { actionId, stepId, request } = event.data;
      const asked = withAction(state, actionId, { stepId, request, dispatched: false, warranted: false });
      return withStep(asked, stepId, { status: 'waiting' });
    }
    case 'ActionDispatched': {
      const { actionId, stepId, request, warrant } = event.data;
      return withAction(state, actionId, { stepId, request, dispatched: true, warranted: warrant !== null });
    }
    case 'ActionWithdrawn':
      return state;
    case 'StepCompleted': {
      // Written by `assignOutputs` alone.
      const outputs = event.data.outputs as Record<string, VariableValue>;
      return withStep(state, event.data.stepId, { status: 'completed', outputs });
    }
    case 'StepFailed': {
      const { stepId, code, reason } = event.data;
      return withStep(state, stepId, { status: 'failed', trouble: { code, reason } });
    }
    case 'RunCompleted':
      return { ...state, status: 'completed' };
    case 'RunFailed':
      return { ...state, status: 'failed' };
  }
}

function withStep(state: StartedRun, stepId: string, step: StepProgress): StartedRun {
  return { ...state, steps: new Map(state.steps).set(stepId, step) };
}

function withAction(state: StartedRun, actionId: string, action: RequestedAction): StartedRun {
  return { ...state, actions: new Map(state.actions).set(actionId, action) };
}
