import type { Readable } from 'node:stream';
import { Check } from 'typebox/value';
import { type AuditReport, EXPORT_FORMAT, ExportEnd, ExportHeader, type ExportLeaf } from '#contracts/audit';
import { CATEGORIES } from '#contracts/envelope';
import type { RecordedEvent } from '#libs/event-store';
import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import { LedgerVerifier, type VerifierOptions } from './ledger-verifier';
import { ndjsonLines } from './ndjson-lines';
import { hasRepeatedName } from './repeated-name';

export interface ExportVerifierOptions extends Omit<VerifierOptions, 'scope'> {
  /** There is no other tenant, so that a leaf is an event that somebody hides. */
  readonly singleTenant?: boolean;
}

/**
 * Verifies an export offline (invariant 2). All that has to be trusted is the root key, and the witness where there is
 * one; without a witness the report says up to which signed checkpoint the export is complete.
 * @throws DomainError('invalid_field') for what is no export at all.
 */
export async function verifyExport(source: Readable, options: ExportVerifierOptions): Promise<AuditReport> {
  let reading: ExportReading | undefined;
  let number = 0;
  for await (const lines of ndjsonLines(source)) {
    for (const line of lines) {
      number += 1;
      if (line === '') continue;
      if (reading) reading.add(line, number);
      else reading = new ExportReading(headerOf(line, number), options);
    }
  }
  if (!reading) throw new DomainError('invalid_field', { field: 'line 1', reason: 'The export is empty.' });
  return reading.report(number);
}

function headerOf(line: string | undefined, number: number): ExportHeader {
  const header = parse(line);
  if (Check(ExportHeader, header)) return header;
  throw new DomainError('invalid_field', {
    field: `line ${number}`,
    reason: `is not the header of a ${EXPORT_FORMAT}`,
  });
}

/** The lines after the header. */
class ExportReading {
  private readonly verifier: LedgerVerifier;
  private events = 0;
  private leaves = 0;
  private end: ExportEnd | undefined;

  constructor(
    private readonly header: ExportHeader,
    private readonly options: ExportVerifierOptions,
  ) {
    this.verifier = new LedgerVerifier({ ...options, scope: header.scope });
  }

  /** @param line undefined when it is not UTF-8. */
  add(line: string | undefined, number: number): void {
    const value = parse(line);
    const problem = this.end ? 'comes after the end' : this.read(value);
    if (problem !== undefined) this.verifier.problem({ kind: 'unreadable_line', reason: problem, line: number });
    else if (this.options.singleTenant && value?.['kind'] === 'leaf') {
      const reason = 'an event is hidden, and there is one tenant only';
      this.verifier.problem({ kind: 'hidden_event', reason, line: number });
    }
  }

  /** @param number of the last line. */
  report(number: number): AuditReport {
    const { events, leaves, end, verifier } = this;
    if (!end) {
      verifier.problem({ kind: 'tail_missing', reason: 'the export broke off: its end is missing', line: number });
    } else if (end.events !== events || end.leaves !== leaves) {
      const reason = `it announces ${end.events} events and ${end.leaves} leaves, and holds ${events} and ${leaves}`;
      verifier.problem({ kind: 'tail_missing', reason });
    }
    return verifier.report();
  }

  /** What is wrong with the line; undefined when nothing is. */
  private read(line: JsonObject | undefined): string | undefined {
    const event = line && eventOf(line);
    const leaf = line && leafOf(line);
    const { scope, stream } = this.header;
    if (event) {
      this.events += 1;
      this.verifier.add(event);
      if (scope === 'stream' && event.stream !== stream) return `is not of the stream ${stream}`;
    } else if (leaf) {
      this.leaves += 1;
      this.verifier.addLeaf(leaf);
      if (scope === 'stream') return `is not of the stream ${stream}`;
    } else if (Check(ExportEnd, line)) this.end = line;
    else return 'is no event, leaf or end';
    return undefined;
  }
}

function parse(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined;
  try {
    const value: JsonValue = JSON.parse(text);
    if (!isJsonObject(value)) return undefined;
    // Our own exports read back as they were written, which is faster to see.
    return JSON.stringify(value) === text || !hasRepeatedName(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

function leafOf(line: JsonObject): ExportLeaf | undefined {
  const { kind, tx, position, hash } = line;
  if (kind !== 'leaf' || Object.keys(line).length !== 4) return undefined;
  return isTx(tx) && isPosition(position) && isHash(hash) ? { kind, tx, position, hash } : undefined;
}

/** Closed: what the hash does not cover must not stand beside it and look as if it did. */
function eventOf({ kind, ...event }: JsonObject): RecordedEvent | undefined {
  if (kind !== 'event' || Object.keys(event).length !== FIELDS.length) return undefined;
  if (!FIELDS.every(([field, fits]) => fits(event[field]))) return undefined;
  // Checked field by field.
  return event as unknown as RecordedEvent;
}

const UINT = /^(0|[1-9]\d{0,19})$/;
const HASH = /^[0-9a-f]{64}$/;
const isText = (value: unknown): value is string => typeof value === 'string';
const isUint = (value: unknown, bits: number): value is string =>
  isText(value) && UINT.test(value) && (value.length < 19 || BigInt(value) < 1n << BigInt(bits));
const isTx = (value: unknown): value is string => isUint(value, 64);
const isPosition = (value: unknown): value is string => isUint(value, 63) && value !== '0';
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
  ['tx', isTx],
  ['position', isPosition],
];
