import type { JsonObject } from '#libs/kernel';
import type { VariableValue } from '../model/variable';

/** Why a step or a run failed. */
export interface Trouble {
  readonly code: string;
  readonly reason: string;
}

/** What became of one step, as the run's events say. A step that is not there has not started. */
export type StepProgress =
  | { readonly status: 'started' }
  /** Its action was asked for and is not decided, or is under way. */
  | { readonly status: 'waiting' }
  /** `outputs`: the variables that it set. */
  | { readonly status: 'completed'; readonly outputs: Readonly<Record<string, VariableValue>> }
  | { readonly status: 'failed'; readonly trouble: Trouble };

/** All that the interpreter knows of a run, beside the playbook: start values, and what became of each step. */
export interface RunProgress {
  readonly variables: ReadonlyMap<string, VariableValue>;
  readonly steps: ReadonlyMap<string, StepProgress>;
}

/** What is to happen next. The interpreter says it; who runs the interpreter turns it into events. */
export type Intent =
  | { readonly kind: 'start_step'; readonly stepId: string }
  /** The started action step asks for its action, with every reference filled in. */
  | { readonly kind: 'request_action'; readonly stepId: string; readonly action: FilledAction }
  /** The step has nothing (more) to do. */
  | { readonly kind: 'complete_step'; readonly stepId: string }
  | { readonly kind: 'fail_step'; readonly stepId: string; readonly trouble: Trouble }
  /** The run has reached an end. `stepId`: the step at which it ended. */
  | { readonly kind: 'complete_run'; readonly stepId: string }
  | { readonly kind: 'fail_run'; readonly stepId: string; readonly trouble: Trouble };

/** Our command with its templates filled in by value. */
export interface FilledAction {
  readonly connection: string;
  readonly action: string;
  readonly target: { readonly type: string; readonly value: string } | null;
  readonly parameters: JsonObject;
  readonly timeoutMs: number;
}
