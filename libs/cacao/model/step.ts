import Type, { type TProperties, type TSchema } from 'typebox';
import { Closed, Extensions, ExternalReferences, Optional, SomeTexts } from './schema-parts';
import type { Command } from './command';
import { CacaoTimestamp, Identifier, IdentifierOf } from './identifier';
import type { Variables } from './variable';

export const STEP_TYPES = [
  'start',
  'end',
  'action',
  'playbook-action',
  'parallel',
  'if-condition',
  'while-condition',
  'switch-condition',
] as const;
export type StepType = (typeof STEP_TYPES)[number];

/** Steps that can be named as the next one. */
const Next = IdentifierOf(...STEP_TYPES);

/** CACAO 2.0, section 4.1: what every step has. `delay` and `timeout` are milliseconds. */
const ofEvery = {
  name: Optional(Type.String({ maxLength: 500 })),
  description: Optional(Type.String({ maxLength: 4000 })),
  external_references: Optional(ExternalReferences),
  delay: Optional(Type.Integer({ minimum: 0 })),
  timeout: Optional(Type.Integer({ minimum: 0 })),
  step_variables: Optional(Type.Record(Type.String(), Type.Unknown())),
  owner: Optional(Identifier),
  step_extensions: Optional(Extensions),
};
const onward = { on_completion: Optional(Next), on_success: Optional(Next), on_failure: Optional(Next) };
const step = (type: StepType, properties: TProperties) =>
  Closed({ type: Type.Literal(type), ...ofEvery, ...properties });

/** CACAO 2.0, sections 4.3 to 4.10. */
export const STEP_SCHEMAS: Readonly<Record<StepType, TSchema>> = {
  start: step('start', { on_completion: Next }),
  end: step('end', {}),
  action: step('action', {
    ...onward,
    commands: Type.Array(Type.Record(Type.String(), Type.Unknown()), { minItems: 1 }),
    agent: Identifier,
    targets: Optional(Type.Array(Identifier, { minItems: 1 })),
    in_args: Optional(SomeTexts),
    out_args: Optional(SomeTexts),
  }),
  'playbook-action': step('playbook-action', {
    ...onward,
    playbook_id: IdentifierOf('playbook'),
    playbook_version: Optional(CacaoTimestamp),
    in_args: Optional(SomeTexts),
    out_args: Optional(SomeTexts),
  }),
  parallel: step('parallel', { ...onward, next_steps: Type.Array(Next, { minItems: 2 }) }),
  'if-condition': step('if-condition', {
    ...onward,
    condition: Type.String({ minLength: 1 }),
    on_true: Next,
    on_false: Optional(Next),
  }),
  'while-condition': step('while-condition', { ...onward, condition: Type.String({ minLength: 1 }), on_true: Next }),
  'switch-condition': step('switch-condition', {
    ...onward,
    switch: Type.String({ minLength: 1 }),
    cases: Type.Record(Type.String(), Next, { minProperties: 1 }),
  }),
};

interface StepBase<T extends StepType> {
  readonly type: T;
  readonly name?: string;
  readonly description?: string;
  readonly delay?: number;
  readonly timeout?: number;
  readonly step_variables?: Variables;
  readonly step_extensions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly on_completion?: string;
  readonly on_success?: string;
  readonly on_failure?: string;
}
export type StartStep = StepBase<'start'>;
export type EndStep = StepBase<'end'>;
export interface ActionStep extends StepBase<'action'> {
  readonly commands: readonly Command[];
  readonly agent: string;
  readonly targets?: readonly string[];
  readonly in_args?: readonly string[];
  readonly out_args?: readonly string[];
}
export interface PlaybookActionStep extends StepBase<'playbook-action'> {
  readonly playbook_id: string;
  readonly in_args?: readonly string[];
  readonly out_args?: readonly string[];
}
export interface ParallelStep extends StepBase<'parallel'> {
  readonly next_steps: readonly string[];
}
export interface IfStep extends StepBase<'if-condition'> {
  readonly condition: string;
  readonly on_true: string;
  readonly on_false?: string;
}
export interface WhileStep extends StepBase<'while-condition'> {
  readonly condition: string;
  readonly on_true: string;
}
export interface SwitchStep extends StepBase<'switch-condition'> {
  readonly switch: string;
  readonly cases: Readonly<Record<string, string>>;
}
export type Step =
  StartStep | EndStep | ActionStep | PlaybookActionStep | ParallelStep | IfStep | WhileStep | SwitchStep;

/** The steps that a step's own branches begin with; they return to the step once they end. */
export function branchesOf(step: Step): readonly string[] {
  switch (step.type) {
    case 'parallel':
      return step.next_steps;
    case 'if-condition':
      return step.on_false === undefined ? [step.on_true] : [step.on_true, step.on_false];
    case 'while-condition':
      return [step.on_true];
    case 'switch-condition':
      return Object.values(step.cases);
    default:
      return [];
  }
}

/** The steps that may follow a step in its own branch. */
export function successorsOf(step: Step): readonly string[] {
  return [step.on_completion, step.on_success, step.on_failure].filter((next) => next !== undefined);
}
