import { COUNTERSIGN_COMMAND } from './command';
import { type ActionExtension, COUNTERSIGN_EXTENSION, type PlaybookExtension } from './countersign-extension';
import type { Playbook } from './playbook';
import type { Step } from './step';

/** What our command of a step does, in a playbook that has been validated; undefined for every other step. */
export function actionOf(step: Step): ActionExtension | undefined {
  if (step.type !== 'action' || step.commands[0]?.type !== COUNTERSIGN_COMMAND) return undefined;
  return step.step_extensions?.[COUNTERSIGN_EXTENSION] as ActionExtension | undefined;
}

/** Triggers and limits of a playbook that has been validated. */
export function playbookExtensionOf(playbook: Playbook): PlaybookExtension {
  return (playbook.playbook_extensions?.[COUNTERSIGN_EXTENSION] ?? {}) as PlaybookExtension;
}

/** The connections that a playbook's steps use, each once. */
export function connectionsOf(playbook: Playbook): string[] {
  const used = Object.values(playbook.workflow).flatMap((step) => actionOf(step)?.connection ?? []);
  return [...new Set(used)].sort();
}
