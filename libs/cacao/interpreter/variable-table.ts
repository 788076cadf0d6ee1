import { ownVariable, type Playbook } from '../model/playbook';
import type { Step } from '../model/step';
import type { VariableValue } from '../model/variable';
import type { Lookup } from '../template';

/** The playbook's variables at one point of the flow. A map: names come from outside, and objects inherit. */
export type VariableTable = ReadonlyMap<string, VariableValue>;

/** Every declared variable, with the value that the run started with or else the declared one. */
export function startVariables(playbook: Playbook, given: ReadonlyMap<string, VariableValue>): VariableTable {
  return new Map(
    Object.entries(playbook.playbook_variables ?? {}).map(([name, { value }]) => [
      name,
      given.get(name) ?? value ?? null,
    ]),
  );
}

/** What a step sees: its own variables before the playbook's. */
export function lookupIn(playbook: Playbook, step: Step, variables: VariableTable): Lookup {
  return (name) => {
    const own = ownVariable(step.step_variables, name);
    if (own !== undefined) return { type: own.type, value: own.value ?? null };
    const declared = ownVariable(playbook.playbook_variables, name);
    return declared && { type: declared.type, value: variables.get(name) ?? null };
  };
}

/** A variable of the step itself ends with the step; one of the playbook is seen by what follows. */
export function withOutputs(
  playbook: Playbook,
  step: Step,
  variables: VariableTable,
  outputs: Readonly<Record<string, VariableValue>>,
): VariableTable {
  const kept = Object.entries(outputs).filter(
    ([name]) =>
      ownVariable(step.step_variables, name) === undefined &&
      ownVariable(playbook.playbook_variables, name) !== undefined,
  );
  return kept.length === 0 ? variables : new Map([...variables, ...kept]);
}
