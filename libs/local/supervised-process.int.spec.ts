import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runTypeScript } from '#libs/testing';
import { freePort } from './free-port';
import { isAlive } from './process-identity';
import { endRecordedProcesses, recordedProcesses } from './process-record';
import { SupervisedProcess } from './supervised-process';

const folder = mkdtempSync(join(tmpdir(), 'countersign-supervised-'));
const records = join(folder, 'processes');
afterAll(() => rm(folder, { recursive: true }));

const server = `
  const { createServer } = require('node:http');
  const http = createServer((_, response) => response.end('ready')).listen(Number(process.env.PORT), '127.0.0.1');
  process.on('SIGTERM', () => {
    console.log('draining');
    http.close(() => process.exit(0));
    http.closeAllConnections();
  });
`;

async function supervise(name: string, program: string): Promise<{ supervised: SupervisedProcess; said: string[] }> {
  const port = await freePort();
  const said: string[] = [];
  const supervised = new SupervisedProcess({
    name,
    command: process.execPath,
    args: ['-e', program],
    env: { ...process.env, PORT: String(port) },
    cwd: folder,
    logFile: join(folder, `${name}.log`),
    records,
    isReady: async () => (await fetch(`http://127.0.0.1:${port}`)).ok,
    report: (message) => said.push(message),
    minBackoffMs: 10,
  });
  return { supervised, said };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not come to that within 30 s');
    await delay(5);
  }
}

describe('a supervised process', () => {
  it('is started again when it was killed, and its process id is on record', async () => {
    const { supervised, said } = await supervise('phoenix', server);
    await supervised.start();
    const first = supervised.pid ?? 0;
    expect(recordedProcesses(records)).toMatchObject([{ name: 'phoenix', pid: first }]);

    process.kill(first, 'SIGKILL');
    await until(() => supervised.restarts === 1 && supervised.pid !== first);
    expect(said).toEqual(['phoenix was ended by SIGKILL; starting it again in 10 ms']);
    expect(recordedProcesses(records)).toMatchObject([{ name: 'phoenix', pid: supervised.pid }]);
    await supervised.stop(5_000);
  });

  it('drains on stop, and is not started again', async () => {
    const { supervised } = await supervise('draining', server);
    await supervised.start();
    await supervised.stop(5_000);
    expect(readFileSync(join(folder, 'draining.log'), 'utf8')).toContain('draining');
    expect(recordedProcesses(records)).toEqual([]);
  });

  it('is killed when it does not stop in time', async () => {
    const { supervised } = await supervise(
      'stubborn',
      `${server}; process.removeAllListeners('SIGTERM').on('SIGTERM', () => 0);`,
    );
    await supervised.start();
    await supervised.stop(100);
    expect(recordedProcesses(records)).toEqual([]);
  });

  it('gives up on one that never gets ready, and says what it said', async () => {
    const { supervised } = await supervise('wrong', `console.error('LEDGER_URL is required'); process.exit(1);`);
    const failed = supervised.start();
    await expect(failed).rejects.toMatchObject({ code: 'service_unavailable' });
    await expect(failed).rejects.toThrow(/LEDGER_URL is required/);
    expect(supervised.restarts).toBe(2);
  });

  it('outlives a launcher that is killed, and is found and ended by the next one', async () => {
    const launcher = runTypeScript(`
      import { SupervisedProcess } from '#libs/local';
      const orphan = new SupervisedProcess({
        name: 'orphan',
        command: process.execPath,
        args: ['-e', 'setInterval(() => 0, 1000)'],
        env: process.env,
        cwd: ${JSON.stringify(folder)},
        logFile: ${JSON.stringify(join(folder, 'orphan.log'))},
        records: ${JSON.stringify(records)},
        isReady: async () => true,
        report: () => undefined,
      });
      orphan.start().then(() => console.log(orphan.pid));`);
    const pid = Number(await launcher.nextLine());
    launcher.kill('SIGKILL');
    await launcher.ended();

    expect(recordedProcesses(records)).toMatchObject([{ name: 'orphan', pid }]);
    expect(await endRecordedProcesses(records)).toEqual(['orphan']);
    expect(isAlive(pid)).toBe(false);
  });
});
