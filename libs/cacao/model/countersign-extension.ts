import Type, { type Static } from 'typebox';
import { Literals } from '#contracts/schema';
import { Closed, Optional } from './schema-parts';

/** The key under `extension_definitions`, `playbook_extensions` and `step_extensions`. The same for ever. */
export const COUNTERSIGN_EXTENSION = 'extension-definition--5b1f3c0e-8a0d-4a6f-9d57-2f0c6c3f1e10';

/** What an author writes under `extension_definitions`, or what an export adds. */
export const COUNTERSIGN_EXTENSION_DEFINITION = {
  type: 'extension-definition',
  name: 'Countersign',
  description: 'Triggers of a playbook, and actions of registered connections.',
  created_by: 'identity--1f8a6b2c-44d0-4d0b-8f3e-6a5b9c7d2e01',
  schema:
    'On a playbook: triggers [{on, when, each}] and run_timeout (ms). On an action step with the one command ' +
    'countersign-action: connection, action, target {type, value}, parameters, outputs {output: variable}.',
  version: '1.0.0',
} as const;

export const TRIGGER_EVENTS = ['case_opened', 'alert_grouped'] as const;
export type TriggerEvent = (typeof TRIGGER_EVENTS)[number];

/** When runs start by themselves. */
export const Trigger = Closed({
  on: Literals(...TRIGGER_EVENTS),
  /** A CACAO comparison over the case's variables; always when left out. */
  when: Optional(Type.String({ minLength: 1, maxLength: 4000 })),
  /** `case` (the default): one run for each case and version. `event`: one for each alert that joins it. */
  each: Optional(Literals('case', 'event')),
});
export type Trigger = Static<typeof Trigger>;

/** 30 days: nothing waits longer (invariant 6). */
const MAX_TIMEOUT_MS = 30 * 24 * 3600 * 1000;

/** `playbook_extensions.<COUNTERSIGN_EXTENSION>`. */
export const PlaybookExtension = Closed({
  triggers: Optional(Type.Array(Trigger, { maxItems: 20 })),
  /** Milliseconds until a run that has not ended fails. */
  run_timeout: Optional(Type.Integer({ minimum: 1000, maximum: MAX_TIMEOUT_MS })),
});
export type PlaybookExtension = Static<typeof PlaybookExtension>;

/** `step_extensions.<COUNTERSIGN_EXTENSION>` of an action step whose one command is `countersign-action`. */
export const ActionExtension = Closed({
  /** Id of a registered connection. */
  connection: Type.String({ minLength: 1, maxLength: 100 }),
  /** Name of an action of that connection's connector. */
  action: Type.String({ minLength: 1, maxLength: 100 }),
  /** Texts in which `__name__:value` stands for a variable's value. */
  target: Optional(
    Closed({
      type: Type.String({ minLength: 1, maxLength: 300 }),
      value: Type.String({ minLength: 1, maxLength: 2048 }),
    }),
  ),
  parameters: Optional(Type.Record(Type.String(), Type.Unknown())),
  /** Names of the action's outputs, and the variable that takes each. */
  outputs: Optional(Type.Record(Type.String(), Type.String())),
});
export type ActionExtension = Static<typeof ActionExtension>;

/** Milliseconds from dispatch, for a step that names no `timeout`. */
export const DEFAULT_STEP_TIMEOUT_MS = 5 * 60 * 1000;
/** Milliseconds from the start, for a playbook that names no `run_timeout`. */
export const DEFAULT_RUN_TIMEOUT_MS = 24 * 3600 * 1000;
