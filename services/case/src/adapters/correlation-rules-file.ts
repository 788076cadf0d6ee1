import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { CorrelationRulesDocument, SUPPRESS_ABOVE } from '#contracts/correlation-rules';
import { canonicalJson } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { findFieldErrors } from '#libs/service';
import { compileRules, type CorrelationRules, type RuleProblem } from '../domain/correlation-rule';

/** A file holds 200 rules at most: what is larger than that is no file of rules. */
const MAX_BYTES = 1024 * 1024;

/** Rules as a file has them. */
export interface FileOfRules {
  readonly rules: CorrelationRules;
  /** SHA-256 of the canonical form: comments and order of fields do not count. */
  readonly digest: string;
}

/**
 * The rules in a YAML file.
 * @throws DomainError('invalid_configuration') naming the file, and of each thing that is wrong the line and the field.
 */
export function loadCorrelationRules(file: string): FileOfRules {
  return parseCorrelationRules(readCorrelationFile(file), file);
}

export function readCorrelationFile(file: string): string {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (cause) {
    throw wrong(file, [{ field: '', reason: cause instanceof Error ? cause.message : String(cause) }], cause);
  }
  if (content.length > MAX_BYTES) throw wrong(file, [{ field: '', reason: `has more than ${MAX_BYTES} bytes` }]);
  return content.toString('utf8');
}

export function parseCorrelationRules(text: string, file: string): FileOfRules {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const [error] = [...yaml.errors, ...yaml.warnings];
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw wrong(file, [{ field: '', reason: `line ${line}, column ${col}: ${error.message}` }]);
  }
  const content = withoutAliases(yaml, file);
  const refuse = (problems: readonly RuleProblem[]) =>
    wrong(
      file,
      problems.map(({ field, reason }) => ({ field, reason: `${placeOf(field, yaml, lines)}${reason}` })),
    );
  const rules = checkedRules(content);
  if ('document' in rules) return { rules, digest: digestOf(rules) };
  throw refuse(rules);
}

/** Rules as the ledger has them; undefined for some that this release does not understand. */
export function recordedCorrelationRules(content: unknown): FileOfRules | undefined {
  const rules = checkedRules(content);
  return 'document' in rules ? { rules, digest: digestOf(rules) } : undefined;
}

function checkedRules(content: unknown): CorrelationRules | readonly RuleProblem[] {
  const errors = findFieldErrors(CorrelationRulesDocument, content);
  // Checked against the contract.
  return errors.length > 0 ? errors : compileRules(withDefaults(content as CorrelationRulesDocument));
}

const digestOf = ({ document }: CorrelationRules): string =>
  createHash('sha256').update(canonicalJson(document)).digest('hex');

/** What holds without being said is said in what is recorded, so that a later default changes no earlier rules. */
function withDefaults(document: CorrelationRulesDocument): CorrelationRulesDocument {
  return { ...document, suppress: document.suppress ?? { above: SUPPRESS_ABOVE } };
}

function withoutAliases(yaml: Document, file: string): unknown {
  try {
    return yaml.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw wrong(file, [{ field: '', reason: 'must not use aliases' }], cause);
  }
}

/** `line 7: `, for the field or what it stands in when it is missing. */
function placeOf(field: string, yaml: Document, lines: LineCounter): string {
  const path = field.split(/[.[\]]+/).filter((part) => part !== '');
  for (; path.length > 0; path.pop()) {
    const node: unknown = yaml.getIn(
      path.map((part) => (/^\d+$/.test(part) ? Number(part) : part)),
      true,
    );
    const range = rangeOf(node);
    if (range !== undefined) return `line ${lines.linePos(range).line}: `;
  }
  return '';
}

function rangeOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return undefined;
  const [start]: unknown[] = node.range;
  return typeof start === 'number' ? start : undefined;
}

function wrong(file: string, problems: readonly RuleProblem[], cause?: unknown): DomainError {
  const told = problems.map(({ field, reason }) => [field, reason].filter((part) => part !== '').join(' '));
  return new DomainError('invalid_configuration', {
    field: 'COUNTERSIGN_CORRELATION_FILE',
    reason: `${file}: ${told.join('; ')}`,
    errors: problems.map(({ field, reason }) => ({ field: field || 'the file', reason })),
    cause,
  });
}
