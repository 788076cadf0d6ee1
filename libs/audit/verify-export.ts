import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type AuditReport, EXPORT_FORMAT, type ExportEnd, type ExportHeader, type ExportLeaf } from '#contracts/audit';
import { CATEGORIES } from '#contracts/envelope';
import type { RecordedEvent } from '#libs/event-store';
import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import { LedgerVerifier, type VerifierOptions } from './ledger-verifier';

export type ExportLine = ExportHeader | ({ readonly kind: 'event' } & RecordedEvent) | ExportLeaf | ExportEnd;

const UINT64 = /^\d{1,19}$/;
const HASH = /^[0-9a-f]{64}$/;

/**
 * Verifies an export offline (invariant 2). All that has to be trusted is the root key, and the witness where there is
 * one; without a witness the report says up to which signed checkpoint the export is complete.
 * @throws DomainError('invalid_field') for what is no export at all.
 */
export async function verifyExport(source: Readable, options: Omit<VerifierOptions, 'scope'>): Promise<AuditReport> {
  let verifier: LedgerVerifier | undefined;
  let end: ExportEnd | undefined;
  const read = { events: 0, leaves: 0, line: 0 };
  for await (const text of createInterface({ input: source, crlfDelay: Infinity })) {
    read.line += 1;
    if (text.trim() === '') continue;
    const line = parse(text);
    if (!verifier) {
      const header = line && headerOf(line);
      if (!header)
        throw new DomainError('invalid_field', { field: 'line 1', reason: `is not the header of a ${EXPORT_FORMAT}` });
      verifier = new LedgerVerifier({ ...options, scope: header.scope });
      continue;
    }
    const event = line && eventOf(line);
    const leaf = line && leafOf(line);
    if (end) verifier.problem({ kind: 'unreadable_line', reason: 'comes after the end', line: read.line });
    else if (event) {
      read.events += 1;
      verifier.add(event);
    } else if (leaf) {
      read.leaves += 1;
      verifier.addLeaf(leaf);
    } else if (line?.['kind'] === 'end') {
      end = { kind: 'end', events: Number(line['events']), leaves: Number(line['leaves']) };
    } else verifier.problem({ kind: 'unreadable_line', reason: 'is no event, leaf or end', line: read.line });
  }
  if (!verifier) throw new DomainError('invalid_field', { field: 'line 1', reason: 'The export is empty.' });
  if (!end)
    verifier.problem({ kind: 'tail_missing', reason: 'the export broke off: its end is missing', line: read.line });
  else if (end.events !== read.events || end.leaves !== read.leaves) {
    const reason = `it announces ${end.events} events and ${end.leaves} leaves, and holds ${read.events} and ${read.leaves}`;
    verifier.problem({ kind: 'tail_missing', reason });
  }
  return verifier.report();
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function headerOf(line: JsonObject): { scope: 'ledger' | 'stream' } | undefined {
  const { kind, format, scope } = line;
  if (kind !== 'export' || format !== EXPORT_FORMAT) return undefined;
  return scope === 'ledger' || scope === 'stream' ? { scope } : undefined;
}

function leafOf({ kind, tx, position, hash }: JsonObject): ExportLeaf | undefined {
  if (kind !== 'leaf' || !isUint(tx) || !isUint(position) || !isHash(hash)) return undefined;
  return { kind, tx, position, hash };
}

/** Closed: what the hash does not cover must not stand beside it and look as if it did. */
function eventOf({ kind, ...event }: JsonObject): RecordedEvent | undefined {
  if (kind !== 'event' || Object.keys(event).length !== FIELDS.length) return undefined;
  if (!FIELDS.every(([field, fits]) => fits(event[field]))) return undefined;
  // Checked field by field.
  return event as unknown as RecordedEvent;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isUint = (value: unknown): value is string => isText(value) && UINT64.test(value);
const isHash = (value: unknown): value is string => isText(value) && HASH.test(value);
const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isInteger(value) && value > 0;
const FIELDS: readonly (readonly [keyof RecordedEvent, (value: unknown) => boolean])[] = [
  ['category', (value) => CATEGORIES.some((category) => category === value)],
  ['stream', isText],
  ['version', isCount],
  ['id', isText],
  ['type', isText],
  ['schemaVersion', isCount],
  ['tenant', isText],
  ['time', isText],
  ['actor', isJsonObject],
  ['data', isJsonObject],
  ['meta', isJsonObject],
  ['hash', isHash],
  ['tx', isUint],
  ['position', isUint],
];
