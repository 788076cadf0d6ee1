import type { Readable } from 'node:stream';
import { Check } from 'typebox/value';
import { type AuditReport, EXPORT_FORMAT, ExportEnd, ExportHeader, type ExportLeaf } from '#contracts/audit';
import type { RecordedEvent } from '#libs/event-store';
import { DomainError, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import { CanonicalLine } from './canonical-line';
import { isCategory, isCount, isHash, isPosition, isText, isTx } from './event-fields';
import { LedgerVerifier, type VerifierOptions } from './ledger-verifier';
import { type NdjsonPiece, ndjsonPieces } from './ndjson-pieces';
import { hasRepeatedName } from './repeated-name';

export interface ExportVerifierOptions extends Omit<VerifierOptions, 'scope'> {
  /** There is no other tenant, so that a leaf is an event that somebody hides. */
  readonly singleTenant?: boolean;
  /**
   * Parses every event and writes its canonical form anew. Without it, the text that is hashed is cut out of lines that are
   * seen to be canonical, which comes to the same report several times as fast.
   */
  readonly strict?: boolean;
}

/**
 * Verifies an export offline (invariant 2). All that has to be trusted is the root key, and the witness where there is
 * one; without a witness the report says up to which signed checkpoint the export is complete.
 * @throws DomainError('invalid_field') for what is no export at all.
 */
export async function verifyExport(source: Readable, options: ExportVerifierOptions): Promise<AuditReport> {
  let reading: ExportReading | undefined;
  let number = 0;
  for await (const piece of ndjsonPieces(source)) {
    piece.forEachLine((start, end) => {
      number += 1;
      if (start === end) return;
      if (reading) reading.add(piece, start, end, number);
      else reading = new ExportReading(headerOf(piece.text(start, end), number), options);
    });
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
  private readonly line = new CanonicalLine();
  private events = 0;
  private leaves = 0;
  private end: ExportEnd | undefined;

  constructor(
    private readonly header: ExportHeader,
    private readonly options: ExportVerifierOptions,
  ) {
    this.verifier = new LedgerVerifier({ ...options, scope: header.scope });
  }

  add(piece: NdjsonPiece, start: number, end: number, number: number): void {
    if (this.addCanonical(piece, start, end)) return;
    const value = parse(piece.text(start, end));
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

  /** False for a line that has to be parsed: what is not canonical, and what says more than that it was recorded. */
  private addCanonical(piece: NdjsonPiece, start: number, end: number): boolean {
    const { line, header, options } = this;
    if (options.strict || this.end || !piece.isText || !line.read(piece.bytes, start, end)) return false;
    if (line.category === 'checkpoint' || (header.scope === 'stream' && line.stream !== header.stream)) return false;
    this.events += 1;
    this.verifier.addHashed(line, (previousHash) => line.hashAfter(previousHash));
    return true;
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
    // What was written without detours reads back the same, which is faster to see.
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

const FIELDS: readonly (readonly [keyof RecordedEvent, (value: unknown) => boolean])[] = [
  ['category', isCategory],
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
