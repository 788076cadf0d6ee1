import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, localToken } from '#libs/client';
import { dataFolder, emptyDataFolder, repositoryRoot } from '#libs/local';

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Above what any step takes on a busy machine: whoever waits this long waits in vain. */
export const PATIENCE_MS = 240_000;

/** All of this spec file: whatever a failed test has left running is stopped with its data folder. */
const launched: RunningDemo[] = [];

/** `npm run demo` and `npm start`, as built: a process of its own that a test can talk to, stop and kill. */
export class RunningDemo {
  private stdout = '';
  private stderr = '';
  private readonly ended: Promise<Ending>;
  private ending: Ending | undefined;

  private constructor(
    private readonly child: ChildProcess,
    readonly data: string,
  ) {
    child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString('utf8')));
    child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString('utf8')));
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.ending = { code, signal };
        resolve(this.ending);
      });
    });
  }

  /** @param args of the demo, besides the data folder and free ports. */
  static launch(data: string, ...args: string[]): RunningDemo {
    const program = join(repositoryRoot, 'dist', 'services', 'demo', 'src', 'main.js');
    const all = ['--enable-source-maps', program, ...args, '--free-ports', '--data', data];
    const env = { ...process.env, NODE_OPTIONS: '', NODE_ENV: undefined, FORCE_COLOR: undefined };
    const child = spawn(process.execPath, all, { cwd: repositoryRoot, env, stdio: ['pipe', 'pipe', 'pipe'] });
    const demo = new RunningDemo(child, data);
    launched.push(demo);
    return demo;
  }

  /** Up and set up, waiting for alerts of the test's own. */
  static async start(data: string, ...args: string[]): Promise<RunningDemo> {
    const demo = RunningDemo.launch(data, '--no-alerts', ...args);
    await demo.says(/Countersign stays up/);
    return demo;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get lines(): string[] {
    return this.stdout.trimEnd().split('\n');
  }

  /** The gateway's, as the demo has announced it. */
  get url(): string {
    const url = /up at (http\S+)/.exec(this.stdout)?.[1];
    if (url === undefined) throw new Error(`the demo is not up:\n${this.stdout}${this.stderr}`);
    return url;
  }

  /** The API as a person of the local issuer. */
  async as(subject: string): Promise<ApiClient> {
    return new ApiClient(this.url, (await localToken(this.url, subject)).access_token);
  }

  /** Resolves once it has said so on standard output; rejects with all that it said when it ends before. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = pattern.exec(this.stdout);
      if (found) return found;
      if (this.ending || Date.now() > deadline) {
        const why = this.ending ? `ended (${JSON.stringify(this.ending)})` : `ran for ${PATIENCE_MS / 1000} s`;
        throw new Error(`the demo ${why} without saying ${pattern.source}:\n${this.stdout}${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  type(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** What it wrote to standard error: where a failure is told. */
  get errors(): string {
    return this.stderr;
  }

  end(): Promise<Ending> {
    return this.ended;
  }

  /** As a power cut would: nothing of it gets to say goodbye. */
  async kill9(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Ctrl-C's gentle sibling; resolves to how it ended and how long that took. */
  async terminate(): Promise<Ending & { readonly ms: number }> {
    const begun = performance.now();
    this.child.kill('SIGTERM');
    return { ...(await this.ended), ms: performance.now() - begun };
  }
}

/** A folder for one system of the spec file; what still runs there is stopped and all is removed at the end. */
export function useDataFolder(): string {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'countersign-e2e-')));
  const data = join(home, 'data');
  // Jest runs these hooks in the order of their definition: what runs on the folder has to end first, so it ends here.
  afterAll(async () => {
    await Promise.all(launched.filter((demo) => demo.data === data).map((demo) => demo.terminate()));
    await emptyDataFolder(dataFolder(data));
    await rm(home, { recursive: true, force: true });
  }, PATIENCE_MS);
  return data;
}

/** One system for the whole spec file, set up and without alerts. Read `running.demo` inside of tests and hooks. */
export function useRunningDemo(): { readonly demo: RunningDemo } {
  const data = useDataFolder();
  const started: RunningDemo[] = [];
  beforeAll(async () => {
    started.push(await RunningDemo.start(data));
  }, PATIENCE_MS);
  return {
    get demo() {
      const [demo] = started;
      if (!demo) throw new Error('useRunningDemo: the demo is there after beforeAll');
      return demo;
    },
  };
}

/** The tokens of the demo's sources, by name. */
export function sourceTokens(data: string): Record<string, string> {
  const file = join(data, 'secrets', 'demo-sources.json');
  const tokens: Record<string, string> = JSON.parse(readFileSync(file, 'utf8'));
  return tokens;
}
