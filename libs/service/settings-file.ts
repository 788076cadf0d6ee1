import type { Static, TSchema } from 'typebox';
import { parseDocument } from 'yaml';
import type { DomainError } from '#libs/kernel';
import { findFieldErrors } from './contract-validator';

/**
 * The content of a YAML file of settings, by its schema.
 * @param refuse makes the error of what is wrong: of the YAML, or of every wrong field.
 */
export function parseSettings<Schema extends TSchema>(
  schema: Schema,
  text: string,
  refuse: (reason: string, cause?: unknown) => DomainError,
): Static<Schema> {
  const document = parseDocument(text, { uniqueKeys: true });
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) throw refuse(`is not valid YAML: ${error.message}`, error);
  const content: unknown = document.toJS({ maxAliasCount: 0 });
  const errors = findFieldErrors(schema, content);
  if (errors.length > 0) {
    throw refuse(errors.map(({ field, reason }) => `${field || '(the whole file)'} ${reason}`).join('; '));
  }
  // Just checked by the schema.
  return content as Static<Schema>;
}
