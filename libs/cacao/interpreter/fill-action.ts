import { DomainError, type JsonObject, type JsonValue } from '#libs/kernel';
import { actionOf } from '../model/action-step';
import { DEFAULT_STEP_TIMEOUT_MS } from '../model/countersign-extension';
import { ownVariable, type Playbook } from '../model/playbook';
import type { Step } from '../model/step';
import type { VariableValue } from '../model/variable';
import { fillObject, fillText, type Lookup, missingIn } from '../template';
import { encodeValue } from '../variable-value';
import type { FilledAction } from './run-progress';

/** An action is part of an event, and an event is a message of at most 1 MiB. Characters of JSON. */
const LONGEST_PARAMETERS = 128 * 1024;

/**
 * What an action step asks for.
 * @throws DomainError('invalid_field') when the target refers to a variable without a value: an action never aims at
 * nothing, and never at the word for it.
 */
export function fillAction(step: Step, lookup: Lookup): FilledAction {
  const action = actionOf(step);
  if (action === undefined) throw new DomainError('invalid_playbook', 'the step has no action of ours');
  // Parameters come from a JSON document.
  const parameters = fillObject((action.parameters ?? {}) as JsonObject, lookup);
  if (JSON.stringify(parameters).length > LONGEST_PARAMETERS) {
    const reason = `are longer than ${LONGEST_PARAMETERS} characters once their variables are filled in`;
    throw new DomainError('invalid_field', { field: 'parameters', reason });
  }
  return {
    connection: action.connection,
    action: action.action,
    target: action.target === undefined ? null : fillTarget(action.target, lookup),
    parameters,
    timeoutMs: step.timeout ?? DEFAULT_STEP_TIMEOUT_MS,
  };
}

function fillTarget(target: { type: string; value: string }, lookup: Lookup): { type: string; value: string } {
  for (const text of [target.type, target.value]) {
    const missing = missingIn(text, lookup);
    if (missing !== undefined) {
      throw new DomainError('invalid_field', {
        field: missing,
        reason: 'has no value, and the target of the action needs it',
      });
    }
  }
  const type = fillText(target.type, lookup);
  const value = fillText(target.value, lookup);
  if (type.length > 100)
    throw new DomainError('invalid_field', { field: 'target.type', reason: 'is longer than 100 characters' });
  if (value.length > 2048)
    throw new DomainError('invalid_field', { field: 'target.value', reason: 'is longer than 2048 characters' });
  return { type, value };
}

/**
 * The variables that an action's outputs set, by the step's `outputs`. An output that did not come leaves null.
 * @throws DomainError('invalid_field') naming the output whose value does not fit the variable's declared type.
 */
export function assignOutputs(
  playbook: Playbook,
  step: Step,
  outputs: Readonly<Record<string, unknown>>,
): Record<string, VariableValue> {
  const assigned = Object.entries(actionOf(step)?.outputs ?? {}).map(([output, name]) => {
    const variable = ownVariable(step.step_variables, name) ?? ownVariable(playbook.playbook_variables, name);
    // Outputs come from an event, which is JSON.
    const value = Object.hasOwn(outputs, output) ? (outputs[output] as JsonValue) : null;
    return [name, encodeValue(variable?.type ?? 'string', value, `outputs.${output}`)] as const;
  });
  return Object.fromEntries(assigned);
}
