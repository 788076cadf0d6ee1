import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { SERVICES } from '#contracts/envelope';
import { dataFolder, dataFolderHolder, emptyDataFolder, isAlive, startLocalDatabase } from '#libs/local';
import { runTypeScript, type TypeScriptChild } from '#libs/testing';
import { type AllInOne, startAllInOne } from './start-all-in-one';

jest.setTimeout(120_000);

const home = mkdtempSync(join(tmpdir(), 'countersign-all-in-one-'));
const dataDir = join(home, 'data');
const options = { dataDir, profile: 'development', ports: 'free', quiet: true } as const;
afterAll(async () => {
  await emptyDataFolder(dataFolder(dataDir));
  await rm(home, { recursive: true });
});

async function statuses({ services }: AllInOne): Promise<Record<string, number>> {
  const answers = [...services.values()].map(async ({ name, url }) => {
    const { status } = await fetch(`${url}/readyz`).catch(() => ({ status: 0 }));
    return [name, status] as const;
  });
  return Object.fromEntries(await Promise.all(answers));
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not come to that within 60 s');
    await delay(50);
  }
}

const ALL_READY = Object.fromEntries(SERVICES.map((name) => [name, 200]));

describe('all services in one process', () => {
  let running: AllInOne;

  it('start, each on a port of its own, and are ready', async () => {
    running = await startAllInOne(options);
    expect(await statuses(running)).toEqual(ALL_READY);
    expect(running.gatewayUrl).toBe(running.services.get('gateway')?.url);
  });

  it('have their data folder for themselves', async () => {
    const second = startAllInOne(options);
    await expect(second).rejects.toMatchObject({ code: 'service_unavailable', field: 'COUNTERSIGN_DATA' });
    await expect(second).rejects.toThrow(new RegExp(`in use by process ${process.pid}`));
  });

  it('go on after the database was killed', async () => {
    const before = running.database?.server.pid ?? 0;
    process.kill(before, 'SIGKILL');
    await until(() => running.database?.server.pid !== before);
    await until(async () => Object.values(await statuses(running)).every((status) => status === 200));
    expect(running.database?.server.adopted).toBe(false);
  });

  it('stop within 10 s, the database too, and leave the folder free', async () => {
    const begun = performance.now();
    await running.stop();
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(isAlive(running.database?.server.pid ?? 0)).toBe(false);
    expect(dataFolderHolder(dataFolder(dataDir))).toBeUndefined();
  });

  it('name every port that another program has, and leave nothing running', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => {
        const address = taken.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
    const env = { ...process.env, CASE_PORT: String(port) };
    await expect(startAllInOne({ ...options, env })).rejects.toMatchObject({
      code: 'invalid_configuration',
      errors: [{ field: 'CASE_PORT', reason: expect.stringContaining(`port ${port}`) }],
    });
    expect(dataFolderHolder(dataFolder(dataDir))).toBeUndefined();
    await new Promise((resolve) => taken.close(resolve));
  });

  it('go on with a ledger that was restored from another server, and say so', async () => {
    const database = await startLocalDatabase(dataFolder(dataDir));
    const owner = new Client({ connectionString: database.migrationUrl });
    await owner.connect();
    await owner.query(`insert into ledger.server (system_identifier, tx_offset) values ('1', ledger.tx_offset())`);
    await owner.end();
    await database.stop();
    const said: string[] = [];
    running = await startAllInOne({ ...options, progress: (message) => said.push(message) });
    expect(said).toContainEqual(expect.stringMatching(/comes from another server and is adopted/));
    expect(await statuses(running)).toEqual(ALL_READY);
    await running.stop();
  });
});

describe('the process of all-in-one', () => {
  /** What `npm start` runs; resolves when it says that it is up. */
  async function start(): Promise<TypeScriptChild> {
    const ports = Object.fromEntries(SERVICES.map((name) => [`${name.replaceAll('-', '_').toUpperCase()}_PORT`, '0']));
    const child = runTypeScript(
      `const say = process.stderr.write.bind(process.stderr);
       process.stderr.write = (text) => { if (/^(Countersign is up|stopping)/.test(text)) console.log(text.split('\\n')[0]); return say(text); };
       require('./services/all-in-one/src/main');`,
      { ...ports, COUNTERSIGN_DATA: dataDir, COUNTERSIGN_PROFILE: 'development' },
    );
    expect(await child.nextLine()).toMatch(/^Countersign is up/);
    return child;
  }

  it('leaves, when it is killed, a database that the next start adopts', async () => {
    const child = await start();
    child.kill('SIGKILL');
    await child.ended();
    const running = await startAllInOne(options);
    expect(running.database?.server.adopted).toBe(true);
    expect(await statuses(running)).toEqual(ALL_READY);
    await running.stop();
  });

  it('drains on Ctrl-C, which npm sends twice, and ends with 0', async () => {
    const child = await start();
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect(await child.nextLine()).toBe('stopping ...');
    await child.ended();
    expect(child.process.exitCode).toBe(0);
    expect(dataFolderHolder(dataFolder(dataDir))).toBeUndefined();
  });

  it('drains when its terminal is closed, where it cannot say so any more', async () => {
    const child = await start();
    child.process.stdout?.destroy();
    child.process.stderr?.destroy();
    child.kill('SIGHUP');
    await child.ended();
    expect(child.process.exitCode).toBe(0);
    expect(dataFolderHolder(dataFolder(dataDir))).toBeUndefined();
  });
});
