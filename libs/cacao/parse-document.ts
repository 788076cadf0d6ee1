import { parseDocument as parseYaml } from 'yaml';
import { DomainError, findUnstorableText, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';

export type DocumentFormat = 'json' | 'yaml';

/** Bytes of UTF-16 text; a playbook of a thousand steps has far fewer. */
export const MAX_DOCUMENT_LENGTH = 1024 * 1024;

/** Nothing real nests like that, and what reads a document further on is recursive. */
const MAX_NESTING = 100;

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
  if (!isShallow(value)) throw tooDeep();
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

/** Whether `value` has at most MAX_NESTING levels. Without recursion: it is what protects the recursive rest. */
function isShallow(value: JsonObject): boolean {
  const open: { value: JsonValue; depth: number }[] = [{ value, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value: inner, depth } = next;
    if (typeof inner !== 'object' || inner === null) continue;
    if (depth > MAX_NESTING) return false;
    for (const item of Object.values(inner)) open.push({ value: item, depth: depth + 1 });
  }
  return true;
}

const tooDeep = (): DomainError =>
  new DomainError('invalid_playbook', { field: 'document', reason: `nests deeper than ${MAX_NESTING} levels` });

/** The parser is recursive: what overflows its stack nests far too deep. */
function parseYamlText(text: string): unknown {
  try {
    return parseYamlDocument(text);
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
    throw error;
  }
}

function parseYamlDocument(text: string): unknown {
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
    if (cause instanceof RangeError) throw cause;
    throw new DomainError('invalid_playbook', {
      field: 'text',
      reason: `is not YAML that JSON could say: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}
