import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { runTypeScript } from '#libs/testing';
import { type EmbeddedPostgres, removeEmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres';
import { isAlive } from './process-identity';

const folder = join(mkdtempSync(join(tmpdir(), 'countersign-pg-')), 'postgres');
let server: EmbeddedPostgres;
afterAll(() => removeEmbeddedPostgres(folder));

async function query(sql: string, on = server): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: on.url() });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not come to that within 30 s');
    await delay(5);
  }
}

describe('an embedded PostgreSQL', () => {
  it('is a PostgreSQL 18 that keeps what was committed, tuned small and durable', async () => {
    server = await startEmbeddedPostgres({ folder });
    expect(server.adopted).toBe(false);
    expect((await query('show server_version'))[0]?.server_version).toMatch(/^18\./);
    expect(await query("select current_setting('fsync') as fsync, current_setting('jit') as jit")).toEqual([
      { fsync: 'on', jit: 'off' },
    ]);
    await query('create table kept as select 1 as one');
  });

  it('listens on loopback only, asks for a password, and hides it from others', async () => {
    const stranger = new Client({ connectionString: server.url('postgres', 'postgres', 'guessed') });
    await expect(stranger.connect()).rejects.toThrow(/password authentication failed/);
    expect(await query("select current_setting('listen_addresses') as listens")).toEqual([{ listens: '127.0.0.1' }]);
    expect(statSync(join(folder, 'server.json')).mode & 0o077).toBe(0);
  });

  it('is adopted by the next start when the process that started it was killed', async () => {
    await server.stop();
    const starter = runTypeScript(`
      import { startEmbeddedPostgres } from '#libs/local';
      startEmbeddedPostgres({ folder: ${JSON.stringify(folder)} }).then(({ pid, port }) => {
        console.log(pid + ' ' + port);
        setInterval(() => undefined, 1000);
      });`);
    const [pid, port] = (await starter.nextLine()).split(' ').map(Number);
    starter.kill('SIGKILL');
    await starter.ended();

    server = await startEmbeddedPostgres({ folder });
    expect(server).toMatchObject({ adopted: true, pid, port });
    expect(await query('select one from kept')).toEqual([{ one: 1 }]);
  });

  it('starts again after the postmaster was killed, on the same port and with what was committed', async () => {
    const before = server;
    await query('insert into kept values (2)');
    process.kill(before.pid, 'SIGKILL');
    await until(() => !isAlive(before.pid));

    server = await startEmbeddedPostgres({ folder });
    expect(server.adopted).toBe(false);
    expect(server.port).toBe(before.port);
    expect(await query('select one from kept order by one')).toEqual([{ one: 1 }, { one: 2 }]);
  });

  it('is stopped by whoever adopted it', async () => {
    const other = await startEmbeddedPostgres({ folder });
    expect(other).toMatchObject({ adopted: true, pid: server.pid });
    await other.stop();
    await until(() => !isAlive(server.pid));
    await expect(query('select 1')).rejects.toThrow(/ECONNREFUSED/);
  });

  it('does not take a stale pid file, whose number is now another program, for a running server', async () => {
    writeFileSync(
      join(server.dataFolder, 'postmaster.pid'),
      `${process.pid}\n${server.dataFolder}\n0\n${server.port}\n`,
    );
    server = await startEmbeddedPostgres({ folder });
    expect(server.adopted).toBe(false);
    expect(await query('select count(*)::int as rows from kept')).toEqual([{ rows: 2 }]);
  });

  it('takes another port when its own is taken, and remembers that one', async () => {
    await server.stop();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(server.port, '127.0.0.1', resolve));
    try {
      const elsewhere = await startEmbeddedPostgres({ folder });
      expect(elsewhere.port).not.toBe(server.port);
      await elsewhere.stop();
      server = await startEmbeddedPostgres({ folder });
      expect(server.port).toBe(elsewhere.port);
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
  });

  it('is started once when several processes ask at the same time', async () => {
    await server.stop();
    const starts = await Promise.all([1, 2, 3].map(() => startEmbeddedPostgres({ folder })));
    expect(new Set(starts.map(({ pid }) => pid)).size).toBe(1);
    expect(starts.filter(({ adopted }) => !adopted)).toHaveLength(1);
    server = starts[0] ?? server;
  });

  it('says what PostgreSQL said when it does not start', async () => {
    await server.stop();
    const broken = startEmbeddedPostgres({ folder, settings: { shared_buffers: 'nonsense' } });
    await expect(broken).rejects.toMatchObject({ code: 'database_unavailable' });
    await expect(broken).rejects.toThrow(/shared_buffers/);
  });

  it('leaves nothing behind when it is removed', async () => {
    server = await startEmbeddedPostgres({ folder });
    await removeEmbeddedPostgres(folder);
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(server.dataFolder)).toBe(false);
    expect(existsSync(folder)).toBe(false);
  });
});

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;
asRoot('as root', () => {
  const closedHome = mkdtempSync(join(tmpdir(), 'countersign-home-'));
  const openFolder = mkdtempSync(join(tmpdir(), 'countersign-open-'));
  afterAll(async () => {
    for (const home of [closedHome, openFolder]) {
      await removeEmbeddedPostgres(join(home, 'postgres'));
      rmSync(home, { recursive: true, force: true });
    }
  });

  it('runs as another user, with its data where that user can reach it', async () => {
    const inside = await startEmbeddedPostgres({ folder: join(closedHome, 'postgres') });
    expect(readFileSync(`/proc/${inside.pid}/status`, 'utf8')).not.toMatch(/^Uid:\t0/m);
    expect(inside.dataFolder).toMatch(/^\/var\/tmp\/countersign-data-/);
    expect(statSync(inside.dataFolder).mode & 0o777).toBe(0o700);
    await inside.stop();
  });

  it('keeps the data in the folder itself when that user can reach it', async () => {
    chmodSync(openFolder, 0o755);
    const inside = await startEmbeddedPostgres({ folder: join(openFolder, 'postgres') });
    expect(inside.dataFolder).toBe(join(openFolder, 'postgres', 'data'));
    await inside.stop();
  });
});
