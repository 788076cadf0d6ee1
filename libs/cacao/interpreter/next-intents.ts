import { DomainError } from '#libs/kernel';
import { evaluateCondition } from '../condition/evaluate-condition';
import type { Playbook } from '../model/playbook';
import { branchesOf, type IfStep, type Step } from '../model/step';
import { stepOf } from '../scopes';
import { fillAction } from './fill-action';
import type { Intent, RunProgress, StepProgress, Trouble } from './run-progress';
import { lookupIn, startVariables, type VariableTable, withOutputs } from './variable-table';

/** Where a scope of the flow stands. */
type ScopeState =
  | { readonly kind: 'going'; readonly intents: readonly Intent[] }
  | { readonly kind: 'ended'; readonly stepId: string; readonly variables: VariableTable }
  | { readonly kind: 'failed'; readonly stepId: string; readonly trouble: Trouble; readonly variables: VariableTable };

/**
 * What is to happen next in a run: all that can, in the order of the document; nothing while every open step waits for
 * the outside. A pure function of the playbook and the run's events, so that replay gives the same answer.
 *
 * Whatever order the results of parallel branches arrive in, the run ends the same: a branch sees the variables as they
 * were at the fork, the join takes over what each branch set in the order of the branches, and a branch that fails lets
 * the others come to their end (CACAO 2.0, section 4.6) before the parallel step fails by the first failed branch.
 */
export function nextIntents(playbook: Playbook, progress: RunProgress): readonly Intent[] {
  const main = walk(playbook, progress, playbook.workflow_start, startVariables(playbook, progress.variables));
  switch (main.kind) {
    case 'going':
      return main.intents;
    case 'ended':
      return [{ kind: 'complete_run', stepId: main.stepId }];
    case 'failed':
      return handleException(playbook, progress, main);
  }
}

/** CACAO 2.0, section 3.1: `workflow_exception` takes over what no step's on_failure did. */
function handleException(
  playbook: Playbook,
  progress: RunProgress,
  failure: ScopeState & { kind: 'failed' },
): Intent[] {
  const failed: Intent = { kind: 'fail_run', stepId: failure.stepId, trouble: failure.trouble };
  if (playbook.workflow_exception === undefined) return [failed];
  const handler = walk(playbook, progress, playbook.workflow_exception, failure.variables);
  switch (handler.kind) {
    case 'going':
      return [...handler.intents];
    case 'ended':
      return [{ kind: 'complete_run', stepId: handler.stepId }];
    case 'failed':
      return [{ kind: 'fail_run', stepId: handler.stepId, trouble: handler.trouble }];
  }
}

/** Follows a scope from its entry over the steps that are done to the one that is not. */
function walk(playbook: Playbook, progress: RunProgress, entry: string, start: VariableTable): ScopeState {
  let variables = start;
  let stepId = entry;
  for (;;) {
    const step = stepOf(playbook, stepId);
    if (step === undefined) {
      const trouble = { code: 'invalid_playbook', reason: `there is no step ${stepId}` };
      return { kind: 'failed', stepId, trouble, variables };
    }
    const state = progress.steps.get(stepId);
    if (state === undefined) return going({ kind: 'start_step', stepId });

    if (state.status === 'started' || state.status === 'waiting') {
      return openStep(playbook, progress, stepId, state, variables);
    }
    variables = variablesAfter(playbook, progress, step, state, variables);
    const next = followed(step, state);
    if (next !== undefined) stepId = next;
    else if (state.status === 'completed') return { kind: 'ended', stepId, variables };
    else return { kind: 'failed', stepId, trouble: state.trouble, variables };
  }
}

function followed(step: Step, state: StepProgress & { status: 'completed' | 'failed' }): string | undefined {
  return state.status === 'completed' ? (step.on_completion ?? step.on_success) : step.on_failure;
}

function openStep(
  playbook: Playbook,
  progress: RunProgress,
  stepId: string,
  state: StepProgress & { status: 'started' | 'waiting' },
  variables: VariableTable,
): ScopeState {
  const step = stepOf(playbook, stepId);
  switch (step?.type) {
    case 'start':
    case 'end':
      return going({ kind: 'complete_step', stepId });
    case 'action':
      return state.status === 'waiting' ? going() : going(requestOf(playbook, stepId, step, variables));
    case 'parallel':
    case 'if-condition':
      return openBranches(playbook, progress, stepId, step, variables);
    default: {
      const reason = `a ${step?.type ?? 'missing'} step is not executable in this release`;
      return going({ kind: 'fail_step', stepId, trouble: { code: 'not_executable', reason } });
    }
  }
}

function requestOf(playbook: Playbook, stepId: string, step: Step, variables: VariableTable): Intent {
  const filled = attempt(() => fillAction(step, lookupIn(playbook, step, variables)));
  return 'trouble' in filled
    ? { kind: 'fail_step', stepId, trouble: filled.trouble }
    : { kind: 'request_action', stepId, action: filled.value };
}

function openBranches(
  playbook: Playbook,
  progress: RunProgress,
  stepId: string,
  step: Step,
  variables: VariableTable,
): ScopeState {
  const chosen = branchesTaken(playbook, progress, step, variables);
  if ('trouble' in chosen) return going({ kind: 'fail_step', stepId, trouble: chosen.trouble });
  const branches = chosen.value.map((entry) => walk(playbook, progress, entry, variables));
  const intents = branches.flatMap((branch) => (branch.kind === 'going' ? branch.intents : []));
  if (branches.some(({ kind }) => kind === 'going')) return going(...intents);
  const failed = branches.find((branch) => branch.kind === 'failed');
  return failed === undefined
    ? going({ kind: 'complete_step', stepId })
    : going({ kind: 'fail_step', stepId, trouble: failed.trouble });
}

/** The entries of the branches that the step takes. A branch that has begun was taken, whatever the condition says now. */
function branchesTaken(
  playbook: Playbook,
  progress: RunProgress,
  step: Step,
  variables: VariableTable,
): Attempt<readonly string[]> {
  const branches = branchesOf(step);
  if (step.type !== 'if-condition') return { value: branches };
  const begun = branches.filter((entry) => progress.steps.has(entry));
  return begun.length > 0 ? { value: begun } : attempt(() => decide(playbook, step, variables));
}

function decide(playbook: Playbook, step: IfStep, variables: VariableTable): readonly string[] {
  if (evaluateCondition(step.condition, lookupIn(playbook, step, variables))) return [step.on_true];
  return step.on_false === undefined ? [] : [step.on_false];
}

/**
 * The variables behind a step that is done: its own outputs, and what its branches set, in the order of the branches.
 * A branch that failed has set what it did before it failed.
 */
function variablesAfter(
  playbook: Playbook,
  progress: RunProgress,
  step: Step,
  state: StepProgress & { status: 'completed' | 'failed' },
  before: VariableTable,
): VariableTable {
  if (step.type === 'action') {
    return state.status === 'completed' ? withOutputs(playbook, step, before, state.outputs) : before;
  }
  let after = before;
  for (const entry of branchesOf(step)) {
    if (!progress.steps.has(entry)) continue;
    const branch = walk(playbook, progress, entry, before);
    if (branch.kind === 'going') continue;
    for (const [name, value] of branch.variables) {
      if (before.get(name) !== value) after = new Map(after).set(name, value);
    }
  }
  return after;
}

type Attempt<T> = { readonly value: T } | { readonly trouble: Trouble };

/** A template or condition that cannot be evaluated fails its step; anything else is a defect and is thrown on. */
function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof DomainError) return { trouble: { code: error.code, reason: error.message } };
    throw error;
  }
}

const going = (...intents: readonly Intent[]): ScopeState => ({ kind: 'going', intents });
