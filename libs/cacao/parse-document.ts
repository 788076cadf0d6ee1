import { parseDocument as parseYaml } from 'yaml';
import { DomainError, findUnstorableText, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';

export type DocumentFormat = 'json' | 'yaml';

/** Bytes of UTF-16 text; a playbook of a thousand steps has far fewer. */
export const MAX_DOCUMENT_LENGTH = 2 * 1024 * 1024;

/**
 * The JSON object that a playbook's text holds. YAML is read as YAML 1.2 (`on` is a text, not a truth value), with
 * aliases limited and duplicate keys refused.
 * @throws DomainError('invalid_json') or DomainError('invalid_playbook') with the line where the text is wrong.
 */
export function parseDocument(text: string, format: DocumentFormat): JsonObject {
  if (text.length > MAX_DOCUMENT_LENGTH) {
    throw new DomainError('body_too_large', `a playbook may have at most ${MAX_DOCUMENT_LENGTH} characters`);
  }
  return demandObject(format === 'json' ? parseJson(text) : parseYamlText(text));
}

/** Any value as the document of a playbook: an object whose texts can be stored. */
export function demandObject(value: unknown): JsonObject {
  if (!isJsonObject(value)) {
    throw new DomainError('invalid_playbook', { field: 'document', reason: 'a playbook is a JSON object' });
  }
  const unstorable = findUnstorableText(value);
  if (unstorable !== undefined) {
    throw new DomainError('invalid_character', {
      field: unstorable,
      reason: 'holds NUL or half of a surrogate pair, which cannot be stored',
    });
  }
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new DomainError('invalid_json', {
      field: 'text',
      reason: `is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

function parseYamlText(text: string): unknown {
  const document = parseYaml(text, { version: '1.2', uniqueKeys: true, prettyErrors: true, logLevel: 'silent' });
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw new DomainError('invalid_playbook', {
      field: 'text',
      reason: `is not YAML: ${problem.message}`,
      cause: problem,
    });
  }
  try {
    // A round trip through JSON: what JSON cannot say (binary, NaN) is not part of a playbook.
    return JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 100 }))) as JsonValue;
  } catch (cause) {
    throw new DomainError('invalid_playbook', {
      field: 'text',
      reason: `is not YAML that JSON could say: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}
