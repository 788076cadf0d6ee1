import type { ActionManifest, ActionRequest } from '#contracts/action';
import { visibleText, visibleValue } from './visible-text';

/** As ApprovalOpened's contract says. */
const MAX_LENGTH = 1000;
const PLACEHOLDER = /\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}/g;

/**
 * The one line that an approver reads first: the manifest's template, filled from the raw action. The approval service
 * computes it by itself, so that whoever asks has no say in how the question sounds.
 */
export function actionWording(manifest: ActionManifest, request: ActionRequest, connectionName: string): string {
  const named: Record<string, unknown> = {
    target: request.target ?? undefined,
    parameters: request.parameters,
    connection: connectionName,
  };
  const sentence = visibleText(manifest.wording).replace(PLACEHOLDER, (_, path: string) => {
    if (path === 'target' && request.target !== null) {
      return `${visibleValue(request.target.type)} ${visibleValue(request.target.value)}`;
    }
    return shown(valueAt(named, path.split('.')));
  });
  return bounded(`${sentence} (${visibleValue(request.action)} by ${visibleValue(connectionName)})`);
}

export function activationWording(name: string, digest: string): string {
  return bounded(`Activate the playbook ${visibleValue(name, 500)}, version ${digest.slice(0, 12)}`);
}

function valueAt(from: unknown, path: readonly string[]): unknown {
  let value: unknown = from;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return '(not given)';
  return visibleValue(typeof value === 'string' ? value : JSON.stringify(value));
}

function bounded(sentence: string): string {
  const characters = [...sentence];
  if (characters.length <= MAX_LENGTH) return sentence;
  const note = ' …(shortened: see the action itself)';
  return characters.slice(0, MAX_LENGTH - note.length).join('') + note;
}
