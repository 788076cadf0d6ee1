import { parse } from 'csv-parse/sync';
import { DomainError, type JsonValue } from '#libs/kernel';
import { findFieldErrors } from '#libs/service';
import type { LocalList } from '../domain/local-list';
import { VERDICT_COLUMNS, verdictList, type VerdictRow } from '../domain/verdict-list';
import { warninglist, WarninglistFile } from '../domain/warninglist';

/**
 * The list that a file holds: a warning list of MISP (`.json`) or verdicts (`.csv`).
 * @param name the file's path below the folder.
 * @throws DomainError naming the place in the file and the reason.
 */
export function parseListFile(name: string, bytes: Buffer): LocalList {
  const text = decoded(bytes);
  return name.endsWith('.csv') ? verdictList(name, csvRows(text)) : warninglist(name, warninglistFile(text));
}

export const isListFile = (name: string): boolean => name.endsWith('.json') || name.endsWith('.csv');

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DomainError('invalid_character', { reason: 'The file is not valid UTF-8.', cause });
  }
}

function warninglistFile(text: string): WarninglistFile {
  let content: JsonValue;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new DomainError('invalid_json', { reason: 'The file is not valid JSON.', cause });
  }
  const [first] = findFieldErrors(WarninglistFile, content);
  if (first !== undefined) {
    throw new DomainError('invalid_field', { field: first.field || '(root)', reason: `${first.reason}.` });
  }
  // Just checked by the schema.
  return content as WarninglistFile;
}

function csvRows(text: string): { line: number; row: VerdictRow }[] {
  let records: { record: VerdictRow; info: { lines: number } }[];
  try {
    records = parse(text, {
      columns: (header: string[]) => header.map(columnOf),
      bom: true,
      trim: true,
      skip_empty_lines: true,
      comment: '#',
      comment_no_infix: true,
      relax_column_count_less: true,
      info: true,
    });
  } catch (cause) {
    if (cause instanceof DomainError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DomainError('invalid_field', { field: '(root)', reason: `The file is not valid CSV: ${why}`, cause });
  }
  return records.map(({ record, info }) => ({ line: info.lines, row: record }));
}

function columnOf(title: string, _: number, header: readonly string[]): string {
  const names = header.map((name) => name.trim().toLowerCase());
  for (const required of ['indicator', 'verdict']) {
    if (names.includes(required)) continue;
    throw new DomainError('invalid_field', {
      field: `line 1: ${required}`,
      reason: `is missing: the first line names the columns ${VERDICT_COLUMNS.join(', ')}.`,
    });
  }
  return title.trim().toLowerCase();
}
