import { colours } from './colours';

/** What the demo says, on standard output: one line a fact, so that it reads as a story and can be piped. */
export class Narrator {
  private readonly startedAt = Date.now();

  heading(text: string): void {
    process.stdout.write(`\n${colours.bold(text)}\n`);
  }

  say(text: string): void {
    process.stdout.write(`${colours.dim(this.clock())}  ${text}\n`);
  }

  good(text: string): void {
    this.say(colours.green(text));
  }

  attention(text: string): void {
    this.say(colours.yellow(text));
  }

  bad(text: string): void {
    this.say(colours.red(text));
  }

  /** Several lines that belong together, indented. */
  block(lines: readonly string[]): void {
    for (const line of lines) process.stdout.write(`           ${line}\n`);
  }

  private clock(): string {
    const seconds = (Date.now() - this.startedAt) / 1000;
    return `${seconds.toFixed(1).padStart(7)}s`;
  }
}
