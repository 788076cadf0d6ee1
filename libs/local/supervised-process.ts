import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '#libs/kernel';
import { isAlive } from './process-identity';
import { forgetProcess, recordProcess } from './process-record';

export interface SupervisedOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Standard output and error go straight into it, so that the process outlives a launcher that is killed. */
  readonly logFile: string;
  /** Where the process id is recorded, as `<name>.json`. */
  readonly records: string;
  /** Whether it takes requests now. */
  readonly isReady: () => Promise<boolean>;
  readonly report: (message: string) => void;
  /** The first pause before a restart; it doubles up to `maxBackoffMs`, and starts anew after `stableMs` of running. */
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
  readonly stableMs?: number;
}

const LOG_LIMIT_BYTES = 32 * 1024 * 1024;
/** A process that ends this often before it was ever ready has a wrong setting: to restart it for ever would hide that. */
const FAILED_STARTS = 3;

/**
 * One operating-system process that is started again whenever it ends by itself: a crash, a kill -9, out of memory. It
 * has a process group of its own: Ctrl-C on the terminal reaches the launcher alone, which ends all in the right order.
 */
export class SupervisedProcess {
  private child?: ChildProcess;
  private stopping = false;
  private loop?: Promise<void>;
  private readonly wake = new AbortController();
  /** How often it was started again. */
  restarts = 0;

  constructor(private readonly options: SupervisedOptions) {}

  get name(): string {
    return this.options.name;
  }

  /** Of the process that runs now. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /**
   * Starts it and resolves when it is ready for the first time.
   * @throws DomainError('service_unavailable') when it keeps ending, or is not ready in time; with the end of its log.
   */
  async start(timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    let ready = false;
    this.loop = this.superviseUntilStopped(() => ready);
    let over = false;
    void this.loop.then(() => (over = true));
    while (!over && !this.stopping && performance.now() < deadline) {
      if (await this.options.isReady().catch(() => false)) {
        ready = true;
        return;
      }
      await delay(50);
    }
    await this.stop(1_000);
    throw new DomainError('service_unavailable', {
      reason: `${this.name} did not start; the end of ${this.options.logFile}:\n${this.lastWords()}`,
    });
  }

  /** SIGTERM, and SIGKILL after `graceMs`. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.wake.abort();
    const { child } = this;
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await this.loop;
      clearTimeout(timer);
    }
    await this.loop;
  }

  private async superviseUntilStopped(wasReady: () => boolean): Promise<void> {
    const { minBackoffMs = 200, maxBackoffMs = 10_000, stableMs = 30_000, report } = this.options;
    let backoffMs = minBackoffMs;
    for (let attempt = 1; !this.stopping; attempt += 1) {
      const started = performance.now();
      const ending = await this.runOnce();
      if (this.stopping) return;
      if (!wasReady() && attempt >= FAILED_STARTS) return;
      if (performance.now() - started > stableMs) backoffMs = minBackoffMs;
      report(`${this.name} ${ending}; starting it again in ${backoffMs} ms`);
      await delay(backoffMs, undefined, { signal: this.wake.signal }).catch(() => undefined);
      backoffMs = Math.min(backoffMs * 2, maxBackoffMs);
      this.restarts += 1;
    }
  }

  /** Resolves to how it ended, in words. */
  private async runOnce(): Promise<string> {
    const { name, command, args, env, cwd, logFile, records } = this.options;
    if (existsSync(logFile) && statSync(logFile).size > LOG_LIMIT_BYTES) renameSync(logFile, `${logFile}.1`);
    const log = openSync(logFile, 'a');
    const child = spawn(command, [...args], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', log, log],
      windowsHide: true,
    });
    closeSync(log);
    this.child = child;
    if (child.pid !== undefined) recordProcess(records, name, child.pid);
    const ending = await new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started (${error.message})`));
      child.once('exit', (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code}`));
    });
    if (child.pid === undefined || !isAlive(child.pid)) forgetProcess(records, name);
    return ending;
  }

  private lastWords(): string {
    const { logFile } = this.options;
    return existsSync(logFile) ? readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n') : '(nothing)';
  }
}
