import { DomainError } from '#libs/kernel';
import { CASE_VARIABLES, isCaseVariable } from '../case-variables';
import { translateToCel } from '../condition/cel-translation';
import { parseCondition } from '../condition/parse-condition';
import { actionOf, playbookExtensionOf } from '../model/action-step';
import { COUNTERSIGN_EXTENSION } from '../model/countersign-extension';
import { ownVariable, type Playbook } from '../model/playbook';
import type { Step } from '../model/step';
import { error, type Finding, notExecutable } from './finding';

type TypeOf = (name: string) => string | undefined;

/** Our extension's own rules, and the conditions that this release evaluates. Expects a document whose shape is right. */
export function checkCountersign(playbook: Playbook): Finding[] {
  return [
    ...checkTriggers(playbook),
    ...Object.entries(playbook.workflow).flatMap(([id, step]) => checkStep(playbook, id, step)),
  ];
}

function checkTriggers(playbook: Playbook): Finding[] {
  const typeOf: TypeOf = (name) => (isCaseVariable(name) ? CASE_VARIABLES[name].type : declaredType(playbook, name));
  return (playbookExtensionOf(playbook).triggers ?? []).flatMap(({ when }, index) => {
    const reason = when === undefined ? undefined : conditionTrouble(when, typeOf);
    return reason === undefined
      ? []
      : [error(`playbook_extensions.${COUNTERSIGN_EXTENSION}.triggers[${index}].when`, reason)];
  });
}

function checkStep(playbook: Playbook, id: string, step: Step): Finding[] {
  if (step.type === 'if-condition') return checkCondition(playbook, id, step.condition, step);
  const action = actionOf(step);
  if (action === undefined) return [];
  const at = `workflow.${id}.step_extensions.${COUNTERSIGN_EXTENSION}`;
  return Object.entries(action.outputs ?? {}).flatMap(([output, name]) => {
    const variable = variableOf(playbook, step, name);
    const field = `${at}.outputs.${output}`;
    if (variable === undefined)
      return [error(field, `${name} is not declared in playbook_variables or step_variables`)];
    return variable.constant === true ? [error(field, `${name} is a constant and cannot take a value`)] : [];
  });
}

/** A condition of a foreign playbook may be more of STIX patterning than this release evaluates; in ours it is a mistake. */
function checkCondition(playbook: Playbook, id: string, condition: string, step: Step): Finding[] {
  const reason = conditionTrouble(condition, (name) => variableOf(playbook, step, name)?.type);
  if (reason === undefined) return [];
  const ours = Object.hasOwn(playbook.extension_definitions ?? {}, COUNTERSIGN_EXTENSION);
  const at = `workflow.${id}.condition`;
  return [ours ? error(at, reason) : notExecutable(at, reason)];
}

function conditionTrouble(condition: string, typeOf: TypeOf): string | undefined {
  try {
    translateToCel(parseCondition(condition), typeOf);
    return undefined;
  } catch (trouble) {
    if (trouble instanceof DomainError) return `${trouble.reason} in ${JSON.stringify(condition)}`;
    throw trouble;
  }
}

const declaredType = (playbook: Playbook, name: string): string | undefined =>
  ownVariable(playbook.playbook_variables, name)?.type;

function variableOf(playbook: Playbook, step: Step, name: string) {
  return ownVariable(step.step_variables, name) ?? ownVariable(playbook.playbook_variables, name);
}

/** What this release cannot run, by step. Such a playbook is kept as a draft and cannot be activated. */
export function checkExecutable(playbook: Playbook): Finding[] {
  const revoked = playbook.revoked === true ? [notExecutable('revoked', 'the playbook has been revoked')] : [];
  return [...revoked, ...Object.entries(playbook.workflow).flatMap(([id, step]) => checkExecutableStep(id, step))];
}

function checkExecutableStep(id: string, step: Step): Finding[] {
  const at = `workflow.${id}`;
  const findings: Finding[] = [];
  if (step.type === 'while-condition' || step.type === 'switch-condition' || step.type === 'playbook-action') {
    findings.push(notExecutable(at, `a ${step.type} step is not executable in this release`));
  }
  if (step.type === 'action' && actionOf(step) === undefined) {
    const commands = [...new Set(step.commands.map(({ type }) => type))].join(', ');
    findings.push(
      notExecutable(
        `${at}.commands`,
        `commands of type ${commands} are not executable in this release: use countersign-action`,
      ),
    );
  }
  if (step.delay !== undefined && step.delay > 0) {
    findings.push(notExecutable(`${at}.delay`, 'a delay is not executable in this release'));
  }
  if (step.timeout !== undefined && step.type !== 'action') {
    findings.push(notExecutable(`${at}.timeout`, `a timeout on a ${step.type} step is not executable in this release`));
  }
  if (step.timeout === 0) findings.push(notExecutable(`${at}.timeout`, 'must be at least 1 ms'));
  return findings;
}
