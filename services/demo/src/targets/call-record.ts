import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** One request as an outside system has seen it. */
export interface RecordedCall {
  readonly time: string;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly idempotencyKey: string | null;
  readonly traceparent: string | null;
  /** The same key had come before: the earlier answer was given, and nothing done. */
  readonly repeated: boolean;
  readonly status: number;
  readonly answer: unknown;
}

/**
 * What a target was asked, one JSON line a call, written before the answer leaves: it survives a kill -9, so that what
 * it says can be held against what Countersign says.
 */
export class CallRecord {
  private readonly entries: RecordedCall[];

  constructor(private readonly file: string) {
    mkdirSync(dirname(file), { recursive: true });
    this.entries = existsSync(file) ? wholeLines(readFileSync(file, 'utf8')) : [];
  }

  add(call: RecordedCall): void {
    appendFileSync(this.file, `${JSON.stringify(call)}\n`);
    this.entries.push(call);
  }

  /** The first call with this key, if it was accepted. */
  firstWith(idempotencyKey: string): RecordedCall | undefined {
    return this.entries.find((call) => call.idempotencyKey === idempotencyKey && !call.repeated && call.status < 300);
  }

  all(): readonly RecordedCall[] {
    return this.entries;
  }
}

/** A kill in the middle of a write leaves half a line at the end. */
function wholeLines(text: string): RecordedCall[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line): RecordedCall => JSON.parse(line));
}
