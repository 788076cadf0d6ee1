import type { TSchema } from 'typebox';
import { isJsonObject, type JsonObject } from '#libs/kernel';
import { agentTargetSchema, authenticationSchema, isAgentTargetType } from '../model/agent-target';
import { commandSchema } from '../model/command';
import { COUNTERSIGN_COMMAND } from '../model/command';
import { ActionExtension, COUNTERSIGN_EXTENSION, PlaybookExtension } from '../model/countersign-extension';
import { isIdentifier, typeOfIdentifier } from '../model/identifier';
import { ExtensionDefinition, MARKING_SCHEMAS, PlaybookSchema } from '../model/playbook';
import { STEP_SCHEMAS, STEP_TYPES, type StepType } from '../model/step';
import { RESERVED_VARIABLE_NAME, Variable, VARIABLE_NAME, VARIABLE_TYPES } from '../model/variable';
import { error, type Finding, warning } from './finding';
import { schemaFindings } from './schema-check';

/** Properties that CACAO 2.0 does not have there and that other engines write: said, not refused. */
const TOLERATED_ON_STEPS: readonly string[] = ['agent', 'targets'];
const TOLERATED_ON_VARIABLES: readonly string[] = ['name'];

/** Every object of the document against the schema of its type; unknown properties by name. */
export function checkShape(document: JsonObject): Finding[] {
  return [
    ...schemaFindings(PlaybookSchema, document, ''),
    ...entries(document.workflow).flatMap(([id, step]) => checkStep(id, step)),
    ...checkVariables(document.playbook_variables, 'playbook_variables'),
    ...checkAgents(document.agent_definitions, 'agent_definitions'),
    ...checkAgents(document.target_definitions, 'target_definitions'),
    ...entries(document.authentication_info_definitions).flatMap(([id, info]) =>
      checkDefinition(`authentication_info_definitions.${id}`, id, info, authenticationSchema, (finding) => finding),
    ),
    ...entries(document.extension_definitions).flatMap(([id, definition]) =>
      checkDefinition(
        `extension_definitions.${id}`,
        id,
        definition,
        () => ExtensionDefinition,
        (finding) => finding,
      ),
    ),
    ...entries(document.data_marking_definitions).flatMap(([id, marking]) => checkMarking(id, marking)),
    ...checkPlaybookExtension(document),
  ];
}

const entries = (dictionary: unknown): [string, unknown][] =>
  isJsonObject(dictionary) ? Object.entries(dictionary) : [];

function checkStep(id: string, step: unknown): Finding[] {
  const path = `workflow.${id}`;
  if (!isJsonObject(step)) return [];
  const type = STEP_TYPES.find((known) => known === step.type);
  if (type === undefined) {
    return [error(`${path}.type`, `must be a step type of CACAO 2.0: ${STEP_TYPES.join(', ')}`)];
  }
  return [
    ...checkStepId(path, id, type),
    ...schemaFindings(STEP_SCHEMAS[type], step, path).map((finding) =>
      tolerate(finding, path, TOLERATED_ON_STEPS, `is not a property of a ${type} step`),
    ),
    ...checkVariables(step.step_variables, `${path}.step_variables`),
    ...checkOnward(path, type, step),
    ...(type === 'action' ? checkCommands(path, step) : []),
  ];
}

function checkStepId(path: string, id: string, type: StepType): Finding[] {
  if (!isIdentifier(id)) return [error(path, `the key must be the step's identifier, ${type}--uuid`)];
  return typeOfIdentifier(id) === type ? [] : [error(path, `the key must begin with the step's type, ${type}--`)];
}

/** CACAO 2.0, section 4.1: on_completion excludes the other two; all but `end` must lead on. */
function checkOnward(path: string, type: StepType, step: JsonObject): Finding[] {
  const exclusive = (['on_success', 'on_failure'] as const).filter((key) => key in step);
  if ('on_completion' in step && exclusive[0] !== undefined && type !== 'start') {
    return [error(`${path}.${exclusive[0]}`, 'must not stand beside on_completion')];
  }
  const leadsOn = 'on_completion' in step || 'on_success' in step;
  if (!leadsOn && (type === 'action' || type === 'playbook-action')) {
    return [error(`${path}.on_completion`, 'is required: a branch must lead to an end step (or on_success)')];
  }
  return [];
}

function checkCommands(path: string, step: JsonObject): Finding[] {
  const commands = Array.isArray(step.commands) ? step.commands : [];
  const findings = commands.flatMap((command, index) => {
    const at = `${path}.commands[${index}]`;
    const type = isJsonObject(command) && typeof command.type === 'string' ? command.type : '';
    return schemaFindings(commandSchema(type), command, at);
  });
  return [...findings, ...checkActionExtension(path, step, commands)];
}

function checkActionExtension(path: string, step: JsonObject, commands: readonly unknown[]): Finding[] {
  const ours = commands.some((command) => isJsonObject(command) && command.type === COUNTERSIGN_COMMAND);
  const extensions = isJsonObject(step.step_extensions) ? step.step_extensions : {};
  const at = `${path}.step_extensions.${COUNTERSIGN_EXTENSION}`;
  const extension = extensions[COUNTERSIGN_EXTENSION];
  if (!ours && extension === undefined) return [];
  if (!ours) return [error(at, `belongs to a step whose one command is ${COUNTERSIGN_COMMAND}`)];
  if (commands.length > 1) {
    return [error(`${path}.commands`, `${COUNTERSIGN_COMMAND} must be the only command of its step`)];
  }
  if (extension === undefined) return [error(at, `is required: it says what the ${COUNTERSIGN_COMMAND} command does`)];
  return schemaFindings(ActionExtension, extension, at);
}

function checkPlaybookExtension(document: JsonObject): Finding[] {
  const extensions = isJsonObject(document.playbook_extensions) ? document.playbook_extensions : {};
  const extension = extensions[COUNTERSIGN_EXTENSION];
  if (extension === undefined) return [];
  return schemaFindings(PlaybookExtension, extension, `playbook_extensions.${COUNTERSIGN_EXTENSION}`);
}

function checkVariables(variables: unknown, path: string): Finding[] {
  return entries(variables).flatMap(([name, variable]) => {
    const at = `${path}.${name}`;
    if (!VARIABLE_NAME.test(name)) return [error(at, 'a variable is named like __name__ (CACAO 2.0, section 10.18)')];
    if (name === RESERVED_VARIABLE_NAME) return [error(at, 'this name is reserved; choose another')];
    const findings = schemaFindings(Variable, variable, at).map((finding) =>
      tolerate(finding, at, TOLERATED_ON_VARIABLES, 'is not a property of a variable'),
    );
    return [...findings, ...checkVariableType(at, variable)];
  });
}

/** The vocabulary is open, but a value of a type that nobody knows is treated as a text: worth saying. */
function checkVariableType(at: string, variable: unknown): Finding[] {
  if (!isJsonObject(variable) || typeof variable.type !== 'string') return [];
  const known: readonly string[] = VARIABLE_TYPES;
  return known.includes(variable.type)
    ? []
    : [warning(`${at}.type`, `${JSON.stringify(variable.type)} is not in the vocabulary; it is treated as a string`)];
}

function checkAgents(definitions: unknown, path: string): Finding[] {
  return entries(definitions).flatMap(([id, definition]) => {
    const at = `${path}.${id}`;
    const findings = checkDefinition(at, id, definition, agentTargetSchema, (finding) =>
      finding.unknown && !finding.field.slice(at.length + 1).includes('.')
        ? warning(finding.field, 'is not a property that CACAO 2.0 has here; it is kept and ignored')
        : finding,
    );
    return [...findings, ...checkAgentType(at, id, definition)];
  });
}

/** A key that names a type of the vocabulary must hold an object of that type. */
function checkAgentType(at: string, id: string, definition: unknown): Finding[] {
  if (!isIdentifier(id) || !isJsonObject(definition) || typeof definition.type !== 'string') return [];
  const named = typeOfIdentifier(id);
  if (named === definition.type) return [];
  return isAgentTargetType(named) || isAgentTargetType(definition.type)
    ? [error(`${at}.type`, `is ${JSON.stringify(definition.type)}, but the key says ${JSON.stringify(named)}`)]
    : [warning(`${at}.type`, `differs from the key, which says ${JSON.stringify(named)}`)];
}

function checkDefinition(
  at: string,
  id: string,
  definition: unknown,
  schemaOf: (type: string) => TSchema,
  judge: (finding: Finding & { unknown: boolean }) => Finding,
): Finding[] {
  const wrongKey = isIdentifier(id) ? [] : [error(at, 'the key must be an identifier, type--uuid (two hyphens)')];
  const type = isJsonObject(definition) && typeof definition.type === 'string' ? definition.type : '';
  return [...wrongKey, ...schemaFindings(schemaOf(type), definition, at).map(judge)];
}

function checkMarking(id: string, marking: unknown): Finding[] {
  const at = `data_marking_definitions.${id}`;
  const type = isJsonObject(marking) && typeof marking.type === 'string' ? marking.type : '';
  const known = Object.keys(MARKING_SCHEMAS);
  if (!known.includes(type)) return [error(`${at}.type`, `must be one of ${known.join(', ')}`)];
  return checkDefinition(
    at,
    id,
    marking,
    () => MARKING_SCHEMAS[type as keyof typeof MARKING_SCHEMAS],
    (f) => f,
  );
}

function tolerate(
  finding: Finding & { unknown: boolean },
  path: string,
  tolerated: readonly string[],
  reason: string,
): Finding {
  const key = finding.field.slice(path.length + 1);
  return finding.unknown && tolerated.includes(key)
    ? warning(finding.field, `${reason}; it is kept and ignored`)
    : finding;
}
