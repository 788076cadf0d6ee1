import { DomainError, type JsonObject } from '#libs/kernel';
import type { Playbook } from '../model/playbook';
import { checkCountersign, checkExecutable } from './check-countersign';
import { checkFlow } from './check-flow';
import { checkReferences } from './check-references';
import { checkShape } from './check-shape';
import { error, type Finding } from './finding';

export interface Validation {
  /** No finding is an error: the document is a CACAO 2.0 playbook. */
  readonly valid: boolean;
  /** Valid, and this release can run it. */
  readonly executable: boolean;
  readonly findings: readonly Finding[];
  /** The document as a playbook, when it is valid. */
  readonly playbook: Playbook | undefined;
}

/**
 * Checks a document against CACAO 2.0 and against what this release executes. Later checks trust the earlier ones: what
 * fails by its shape is not followed further.
 */
export function validatePlaybook(document: JsonObject): Validation {
  const shape = checkShape(document);
  if (hasErrors(shape)) return { valid: false, executable: false, findings: sorted(shape), playbook: undefined };
  // The shape has been checked key by key.
  const playbook = document as unknown as Playbook;
  const references = checkReferences(playbook);
  const findings = [
    ...shape,
    ...references,
    ...(hasErrors(references) ? [] : checkFlow(playbook)),
    ...checkCountersign(playbook),
    ...checkExecutable(playbook),
  ];
  const valid = !hasErrors(findings);
  return {
    valid,
    executable: valid && !findings.some(({ severity }) => severity === 'not_executable'),
    findings: sorted(findings),
    playbook: valid ? playbook : undefined,
  };
}

/** The playbook, or DomainError('invalid_playbook') that names every field that is wrong. */
export function demandPlaybook(document: JsonObject): { playbook: Playbook; validation: Validation } {
  const validation = validatePlaybook(document);
  const { playbook } = validation;
  if (playbook === undefined) throw refusalOf(validation.findings.filter(({ severity }) => severity === 'error'));
  return { playbook, validation };
}

/** Findings as the one error that an API answers with. */
export function refusalOf(findings: readonly Finding[]): DomainError {
  const [first = error('document', 'is not a playbook')] = findings;
  return new DomainError('invalid_playbook', {
    field: first.field,
    reason: findings.length > 1 ? `${first.reason} (and ${findings.length - 1} more, see errors)` : first.reason,
    errors: findings.map(({ field, reason }) => ({ field, reason })),
  });
}

const hasErrors = (findings: readonly Finding[]): boolean => findings.some(({ severity }) => severity === 'error');

/** Errors first; the rest in the order of the checks. */
const sorted = (findings: readonly Finding[]): Finding[] =>
  [...findings].sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
