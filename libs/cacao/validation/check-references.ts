import { isCaseVariable } from '../case-variables';
import { COUNTERSIGN_EXTENSION } from '../model/countersign-extension';
import type { Playbook } from '../model/playbook';
import { branchesOf, type Step } from '../model/step';
import type { Variables } from '../model/variable';
import { stepOf } from '../scopes';
import { referencesIn } from '../template';
import { mistypedReason } from '../variable-value';
import { error, type Finding, notExecutable } from './finding';

type Dictionary = Readonly<Record<string, unknown>> | undefined;
const has = (dictionary: Dictionary, key: string): boolean =>
  dictionary !== undefined && Object.hasOwn(dictionary, key);

/** Everything that the document names must be in it. Expects a document whose shape is right. */
export function checkReferences(playbook: Playbook): Finding[] {
  const steps = Object.entries(playbook.workflow);
  return [
    ...checkStart(playbook),
    ...checkException(playbook),
    ...steps.flatMap(([id, step]) => checkNextSteps(playbook, id, step)),
    ...steps.flatMap(([id, step]) => checkAgents(playbook, id, step)),
    ...steps.flatMap(([id, step]) => checkStepVariables(playbook, id, step)),
    ...checkExtensions(playbook),
    ...checkAuthentication(playbook),
    ...checkMarkings(playbook),
    ...checkValues(playbook.playbook_variables, 'playbook_variables'),
  ];
}

function checkStart(playbook: Playbook): Finding[] {
  const start = stepOf(playbook, playbook.workflow_start);
  if (start === undefined) return [error('workflow_start', `there is no step ${playbook.workflow_start}`)];
  if (start.type === 'start') return [];
  const reason = `must name a start step, but ${playbook.workflow_start} is of type ${start.type}`;
  return [notExecutable('workflow_start', reason)];
}

function checkException({ workflow_exception: exception, workflow }: Playbook): Finding[] {
  if (exception === undefined || has(workflow, exception)) return [];
  // Other engines import such documents; a run could not follow it.
  return [notExecutable('workflow_exception', `there is no step ${exception}`)];
}

function checkNextSteps(playbook: Playbook, id: string, step: Step): Finding[] {
  return nextSteps(step).flatMap(({ field, next }) => {
    const at = `workflow.${id}.${field}`;
    const target = stepOf(playbook, next);
    if (target === undefined) return [error(at, `there is no step ${next}`)];
    return target.type === 'start' ? [error(at, `a start step cannot follow another step (${next})`)] : [];
  });
}

function nextSteps(step: Step): { field: string; next: string }[] {
  const onward = (['on_completion', 'on_success', 'on_failure'] as const).flatMap((field) =>
    step[field] === undefined ? [] : [{ field, next: step[field] }],
  );
  switch (step.type) {
    case 'parallel':
      return [...onward, ...step.next_steps.map((next, index) => ({ field: `next_steps[${index}]`, next }))];
    case 'switch-condition':
      return [...onward, ...Object.entries(step.cases).map(([name, next]) => ({ field: `cases.${name}`, next }))];
    case 'if-condition':
    case 'while-condition':
      return [
        ...onward,
        ...branchesOf(step).map((next, index) => ({ field: index === 0 ? 'on_true' : 'on_false', next })),
      ];
    default:
      return onward;
  }
}

function checkAgents(playbook: Playbook, id: string, step: Step): Finding[] {
  if (step.type !== 'action') return [];
  const at = `workflow.${id}`;
  const agent = has(playbook.agent_definitions, step.agent)
    ? []
    : [error(`${at}.agent`, `${step.agent} is not in agent_definitions`)];
  const targets = (step.targets ?? []).flatMap((target, index) =>
    has(playbook.target_definitions, target) || has(playbook.agent_definitions, target)
      ? []
      : [error(`${at}.targets[${index}]`, `${target} is not in target_definitions`)],
  );
  return [...agent, ...targets];
}

function checkStepVariables(playbook: Playbook, id: string, step: Step): Finding[] {
  const at = `workflow.${id}`;
  const isDeclared = (name: string): boolean =>
    has(step.step_variables, name) || has(playbook.playbook_variables, name);
  const { step_variables: _own, ...rest } = step;
  const used = [...new Set(referencesIn(rest))].filter((name) => !isDeclared(name));
  const args = (['in_args', 'out_args'] as const).flatMap((field) =>
    'in_args' in step || 'out_args' in step
      ? (step[field] ?? []).flatMap((name, index) =>
          isDeclared(bareName(name)) ? [] : [error(`${at}.${field}[${index}]`, undeclared(name))],
        )
      : [],
  );
  return [
    ...used.map((name) => error(at, undeclared(name))),
    ...args,
    ...checkValues(step.step_variables, `${at}.step_variables`),
  ];
}

const bareName = (name: string): string => name.replace(/:value$/, '');

const undeclared = (name: string): string =>
  isCaseVariable(name)
    ? `uses ${name}, which is not declared: add it to playbook_variables with "external": true`
    : `uses ${name}, which is not declared in playbook_variables or step_variables`;

function checkValues(variables: Variables | undefined, path: string): Finding[] {
  return Object.entries(variables ?? {}).flatMap(([name, { type, value }]) => {
    const reason = value === undefined ? undefined : mistypedReason(type, value);
    return reason === undefined ? [] : [error(`${path}.${name}.value`, reason)];
  });
}

/** CACAO 2.0, section 9: an extension that is used is defined in the document. */
function checkExtensions(playbook: Playbook): Finding[] {
  const used = [
    ...keysOf(playbook.playbook_extensions, 'playbook_extensions'),
    ...Object.entries(playbook.workflow).flatMap(([id, step]) =>
      keysOf(step.step_extensions, `workflow.${id}.step_extensions`),
    ),
    ...(['agent_definitions', 'target_definitions'] as const).flatMap((dictionary) =>
      Object.entries(playbook[dictionary] ?? {}).flatMap(([id, definition]) =>
        keysOf(definition.agent_target_extensions, `${dictionary}.${id}.agent_target_extensions`),
      ),
    ),
  ];
  return used
    .filter(({ key }) => !has(playbook.extension_definitions, key))
    .map(({ key, field }) =>
      error(
        field,
        `${key}${key === COUNTERSIGN_EXTENSION ? " (Countersign's extension)" : ''} is not declared in extension_definitions`,
      ),
    );
}

function keysOf(extensions: unknown, path: string): { key: string; field: string }[] {
  return typeof extensions === 'object' && extensions !== null
    ? Object.keys(extensions).map((key) => ({ key, field: `${path}.${key}` }))
    : [];
}

function checkAuthentication(playbook: Playbook): Finding[] {
  return (['agent_definitions', 'target_definitions'] as const).flatMap((dictionary) =>
    Object.entries(playbook[dictionary] ?? {}).flatMap(([id, { authentication_info: info }]) =>
      typeof info !== 'string' || has(playbook.authentication_info_definitions, info)
        ? []
        : [error(`${dictionary}.${id}.authentication_info`, `${info} is not in authentication_info_definitions`)],
    ),
  );
}

function checkMarkings(playbook: Playbook): Finding[] {
  return (playbook.markings ?? []).flatMap((marking, index) =>
    has(playbook.data_marking_definitions, marking)
      ? []
      : [error(`markings[${index}]`, `${marking} is not in data_marking_definitions`)],
  );
}
