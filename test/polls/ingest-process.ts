import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '#libs/local';

/** The ingest service as built, in a process of its own that a test can pause and kill. */
export class IngestProcess {
  private log = '';

  private constructor(
    private readonly child: ChildProcess,
    readonly ended: Promise<void>,
  ) {
    child.stderr?.on('data', (chunk: Buffer) => (this.log += chunk.toString('utf8')));
  }

  static async start(env: Readonly<Record<string, string>>): Promise<IngestProcess> {
    const program = join(repositoryRoot, 'dist', 'services', 'ingest', 'src', 'main.js');
    const child = spawn(process.execPath, [program], {
      cwd: repositoryRoot,
      env: { ...process.env, NODE_OPTIONS: '', NODE_ENV: undefined, INGEST_PORT: '0', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let isOver = false;
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    void ended.then(() => (isOver = true));
    const started = new IngestProcess(child, ended);
    while (started.url === '') {
      if (isOver) throw new Error(`ingest did not start:\n${started.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return started;
  }

  /** Empty until it takes requests. */
  get url(): string {
    return /"url":"([^"]+)"[^\n]*"msg":"started"/.exec(this.log)?.[1] ?? '';
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}
