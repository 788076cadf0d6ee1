import type { JsonObject, JsonValue } from '#libs/kernel';
import { COUNTERSIGN_COMMAND } from './model/command';
import { COUNTERSIGN_EXTENSION, COUNTERSIGN_EXTENSION_DEFINITION } from './model/countersign-extension';

const AGENT = 'security-category--6d1f2f0e-0f5c-4c0e-8d52-9a3b6a0f2c11';

/** The id of the nth step of a type, for tests. */
export const stepId = (type: string, n: number): string =>
  `${type}--00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** An action step of ours, for tests. */
export function actionStep(onward: JsonObject, action: JsonObject = {}, rest: JsonObject = {}): JsonObject {
  return {
    type: 'action',
    name: 'An action',
    commands: [{ type: COUNTERSIGN_COMMAND }],
    agent: AGENT,
    step_extensions: { [COUNTERSIGN_EXTENSION]: { connection: 'chat', action: 'post_message', ...action } },
    ...onward,
    ...rest,
  };
}

/** A CACAO 2.0 document around a workflow, for tests. The first step of type `start` is where it starts. */
export function playbookDocument(workflow: Record<string, JsonValue>, rest: JsonObject = {}): JsonObject {
  return {
    type: 'playbook',
    spec_version: 'cacao-2.0',
    id: 'playbook--3f8ab3b2-7a39-4d0a-9a4e-6f6f6b1d0c01',
    name: 'A playbook',
    created_by: 'identity--1f8a6b2c-44d0-4d0b-8f3e-6a5b9c7d2e01',
    created: '2026-11-24T00:00:00Z',
    modified: '2026-11-24T00:00:00Z',
    workflow_start: Object.keys(workflow).find((id) => id.startsWith('start--')) ?? stepId('start', 0),
    workflow,
    agent_definitions: {
      [AGENT]: { type: 'security-category', name: 'Countersign', category: ['orchestrator'] },
    },
    extension_definitions: { [COUNTERSIGN_EXTENSION]: { ...COUNTERSIGN_EXTENSION_DEFINITION } },
    ...rest,
  };
}
