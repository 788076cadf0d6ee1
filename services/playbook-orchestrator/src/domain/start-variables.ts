import { encodeValue, ownVariable, type Playbook, type TypedValue, type VariableValue } from '#libs/cacao';
import { DomainError, type JsonValue } from '#libs/kernel';

/** The start values of a run's variables, as RunStarted records them. */
export type StartVariables = Readonly<Record<string, TypedValue>>;

/**
 * Start values of a playbook's variables: the declared one, over it what the case knows (for `external` variables of
 * that name), over that what a person set.
 * @throws DomainError('invalid_field') for an override of a variable that is not declared as external, or of a value
 * that does not fit its type.
 */
export function startVariables(
  playbook: Playbook,
  caseValues: Readonly<Record<string, string | null>>,
  overrides: Readonly<Record<string, JsonValue>> = {},
): StartVariables {
  for (const name of Object.keys(overrides)) demandExternal(playbook, name);
  return Object.fromEntries(
    Object.entries(playbook.playbook_variables ?? {}).map(([name, { type, value, external, constant }]) => {
      let start: VariableValue = value ?? null;
      const given = Object.hasOwn(caseValues, name) ? caseValues[name] : undefined;
      if (external === true && constant !== true && given !== undefined && given !== null) start = given;
      if (Object.hasOwn(overrides, name)) start = encodeValue(type, overrides[name], `variables.${name}`);
      return [name, { type, value: start }];
    }),
  );
}

function demandExternal(playbook: Playbook, name: string): void {
  const declared = ownVariable(playbook.playbook_variables, name);
  const refuse = (reason: string) => new DomainError('invalid_field', { field: `variables.${name}`, reason });
  if (declared === undefined) throw refuse('is not a variable of this playbook');
  if (declared.constant === true) throw refuse('is a constant');
  if (declared.external !== true) throw refuse('is not external: the playbook does not let it be set from outside');
}
