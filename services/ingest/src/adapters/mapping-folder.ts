import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { DomainError, type JsonValue } from '#libs/kernel';
import { findFieldErrors } from '#libs/service';
import type { AlertFormat } from '../domain/formats/alert-format';
import { mappedFormat, Mapping } from '../domain/formats/mapping';

/**
 * The formats that the YAML files of a folder describe, read at start: a mapping that is wrong stops the start, rather
 * than every alert of its source later.
 * @throws DomainError('invalid_mapping') naming the file, the field and the reason.
 */
export function readMappings(folder: string): AlertFormat[] {
  return mappingFiles(folder).map((file) => parseMapping(file, readFileSync(join(folder, file), 'utf8')));
}

function mappingFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => /\.ya?ml$/.test(file))
      .sort();
  } catch (cause) {
    throw new DomainError('invalid_configuration', {
      field: 'COUNTERSIGN_MAPPINGS_DIR',
      reason: `The folder ${folder} cannot be read.`,
      cause,
    });
  }
}

/** One mapping file. `file` is its name, for messages. @throws DomainError('invalid_mapping') */
export function parseMapping(file: string, text: string): AlertFormat {
  let content: JsonValue;
  try {
    content = parse(text, { logLevel: 'error' });
  } catch (cause) {
    throw new DomainError('invalid_mapping', {
      field: file,
      reason: `It is not valid YAML: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
  const errors = findFieldErrors(Mapping, content);
  const [first] = errors;
  if (first !== undefined) {
    const named = errors.map(({ field, reason }) => ({ field: `${file}: ${field || '(root)'}`, reason }));
    const inWords = named.map(({ field, reason }) => `${field} ${reason}`).join('; ');
    throw new DomainError('invalid_mapping', { field: named[0]?.field, reason: inWords, errors: named });
  }
  // Just checked by the schema.
  return mappedFormat(content as unknown as Mapping);
}
