/**
 * Something that was found in a document.
 * - `error`: the document is refused.
 * - `warning`: it deviates from CACAO 2.0 in a way that other engines write; it is accepted, and said.
 * - `not_executable`: valid, but this release cannot run it; it can be imported and kept, never activated.
 */
export interface Finding {
  readonly severity: 'error' | 'warning' | 'not_executable';
  /** The path of the field: `workflow.action--....commands[0].type`. */
  readonly field: string;
  readonly reason: string;
}

export const error = (field: string, reason: string): Finding => ({ severity: 'error', field, reason });
export const warning = (field: string, reason: string): Finding => ({ severity: 'warning', field, reason });
export const notExecutable = (field: string, reason: string): Finding => ({
  severity: 'not_executable',
  field,
  reason,
});
