import {
  CASE_VARIABLES,
  evaluateCondition,
  isCaseVariable,
  ownVariable,
  type Playbook,
  playbookExtensionOf,
} from '#libs/cacao';
import type { Trigger, TriggerEvent } from '#libs/cacao';

type CaseValues = Readonly<Record<string, string | null>>;

/**
 * The first trigger of a playbook that an event of a case sets off; undefined when none does.
 * @param at when the event happened: outside of `valid_from` to `valid_until` a playbook starts nothing.
 * @throws DomainError('invalid_playbook') when a condition cannot be evaluated.
 */
export function matchingTrigger(
  playbook: Playbook,
  on: TriggerEvent,
  values: CaseValues,
  at: Date,
): Trigger | undefined {
  if (!isValidAt(playbook, at)) return undefined;
  return playbookExtensionOf(playbook).triggers?.find(
    (trigger) => trigger.on === on && (trigger.when === undefined || holds(playbook, trigger.when, values)),
  );
}

/** CACAO 2.0, section 3.1: a playbook outside of its validity is not to be executed. */
export function isValidAt({ revoked, valid_from: from, valid_until: until }: Playbook, at: Date): boolean {
  if (revoked === true) return false;
  if (from !== undefined && at.getTime() < Date.parse(from)) return false;
  return until === undefined || at.getTime() < Date.parse(until);
}

function holds(playbook: Playbook, when: string, values: CaseValues): boolean {
  return evaluateCondition(when, (name) => {
    if (isCaseVariable(name)) return { type: CASE_VARIABLES[name].type, value: values[name] ?? null };
    const declared = ownVariable(playbook.playbook_variables, name);
    return declared && { type: declared.type, value: declared.value ?? null };
  });
}
