import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';

const POLL_MS = 300;
const CHUNK_BYTES = 64 * 1024;
/** So many lines in so long; a broker that is away makes a service say the same a hundred times a second. */
const SHOWN_LINES = 5;
const WINDOW_MS = 10_000;

/**
 * Follows the log file of a process from its present end, and hands over the warnings and errors in it, in words. What
 * is no JSON (a crash of Node itself) is handed over too.
 */
export class LogFollower {
  private offset: number;
  private rest = '';
  private readonly timer: NodeJS.Timeout;
  private windowFrom = 0;
  private shown = 0;
  private held = 0;

  constructor(
    private readonly file: string,
    private readonly onWarning: (line: string) => void,
  ) {
    this.offset = existsSync(file) ? statSync(file).size : 0;
    this.timer = setInterval(() => this.readOn(), POLL_MS);
    this.timer.unref();
  }

  /** Reads what has come since, once more, and ends. */
  stop(): void {
    clearInterval(this.timer);
    this.readOn();
  }

  private readOn(): void {
    this.beginWindow();
    if (!existsSync(this.file)) return;
    const { size } = statSync(this.file);
    // A new file has taken its place.
    if (size < this.offset) this.offset = 0;
    if (size === this.offset) return;
    const file = openSync(this.file, 'r');
    const buffer = Buffer.alloc(CHUNK_BYTES);
    try {
      for (;;) {
        const count = readSync(file, buffer, 0, CHUNK_BYTES, this.offset);
        if (count === 0) break;
        this.offset += count;
        this.take(buffer.toString('utf8', 0, count));
      }
    } finally {
      closeSync(file);
    }
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      const warning = warningIn(line);
      if (warning !== undefined) this.show(warning);
    }
  }

  private show(warning: string): void {
    if (this.shown < SHOWN_LINES) this.onWarning(warning);
    else this.held += 1;
    this.shown += 1;
  }

  private beginWindow(): void {
    if (performance.now() - this.windowFrom < WINDOW_MS) return;
    if (this.held > 0) this.onWarning(`${this.held} more warnings stand in ${this.file}`);
    this.windowFrom = performance.now();
    this.shown = 0;
    this.held = 0;
  }
}

/** The message of a pino line at level warn or above; the line itself when it is none of ours. */
export function warningIn(line: string): string | undefined {
  if (line.trim() === '') return undefined;
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof entry !== 'object' || entry === null || !('level' in entry)) return line;
  if (!['warn', 'error', 'fatal'].includes(String(entry.level))) return undefined;
  const message = 'msg' in entry ? String(entry.msg) : line;
  const error = 'err' in entry && typeof entry.err === 'object' && entry.err !== null ? entry.err : {};
  const cause = 'message' in error ? String(error.message) : '';
  return cause === '' || message.includes(cause) ? message : `${message}: ${cause}`;
}
