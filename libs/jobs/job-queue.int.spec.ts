import { pino } from 'pino';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { EMPTY_DATABASE, usePostgres } from '#libs/testing';
import type { Job } from './job';
import { JobQueue } from './job-queue';
import { migrateJobs } from './migrate';

const SCHEMA = 'svc_connector';
const logger = pino({ level: 'silent' });
const postgres = usePostgres(EMPTY_DATABASE);
const spec = (id: string, dueAt?: string) => ({ id, kind: 'call', tenant: 'default', payload: { id }, dueAt });
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

describe('JobQueue', () => {
  let database: DataSource;
  const queues: JobQueue[] = [];

  beforeAll(async () => {
    const client = new Client({ connectionString: postgres.ownerUrl });
    await client.connect();
    await client.query(`create schema ${SCHEMA}`);
    await migrateJobs(client, SCHEMA);
    await client.end();
    database = await new DataSource({ type: 'postgres', url: postgres.ownerUrl }).initialize();
  });
  beforeEach(() => database.query(`truncate ${SCHEMA}.job`));
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.stop(100)));
  });
  afterAll(() => database.destroy());

  function open(): JobQueue {
    const queue = new JobQueue({ database, schema: SCHEMA, logger, pollMs: 20 });
    queues.push(queue);
    queue.start();
    return queue;
  }

  /** Collects what a queue hands out and lets a test wait for the nth job. */
  function collect(queue: JobQueue, leaseMs = 5_000, handle: (job: Job) => Promise<void> = () => Promise.resolve()) {
    const jobs: Job[] = [];
    const waiting: { count: number; resolve: () => void }[] = [];
    queue.handle('call', { leaseMs, concurrency: 4 }, async (job) => {
      jobs.push(job);
      for (const waiter of waiting) if (jobs.length >= waiter.count) waiter.resolve();
      await handle(job);
      return { status: 'done' };
    });
    const reached = (count: number) =>
      jobs.length >= count ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ count, resolve }));
    return { jobs, reached };
  }

  const status = async (id: string): Promise<string | undefined> => {
    const rows: { status: string }[] = await database.query(`select status from ${SCHEMA}.job where id = $1`, [id]);
    return rows[0]?.status;
  };
  async function until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  it('does a job once however often it is scheduled', async () => {
    const queue = open();
    const { jobs, reached } = collect(queue);
    await queue.schedule([spec('a'), spec('b')]);
    await queue.schedule([spec('a')]);
    await reached(2);
    await until(async () => (await status('a')) === 'done' && (await status('b')) === 'done');
    await queue.schedule([spec('a'), spec('c')]);
    await reached(3);
    expect(jobs.map((job) => job.id).sort()).toEqual(['a', 'b', 'c']);
    expect(jobs.every((job) => job.attempt === 1 && !job.takenOver)).toBe(true);
  });

  it('does the jobs of one kind while those of another are not due, or all in hand', async () => {
    const queue = open();
    const { jobs, reached } = collect(queue);
    const others: string[] = [];
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    queue.handle('hold', { leaseMs: 5_000, concurrency: 1 }, async ({ id }) => {
      others.push(id);
      await held;
      return { status: 'done' };
    });
    const later = { ...spec('later', inMs(60_000)), kind: 'hold' };
    await queue.schedule([{ ...spec('h1'), kind: 'hold' }, { ...spec('h2'), kind: 'hold' }, later]);
    await until(() => Promise.resolve(others.length === 1));
    await queue.schedule([spec('a'), spec('b')]);
    await reached(2);
    expect(others).toHaveLength(1);
    letGo();
    await until(() => Promise.resolve(others.length === 2));
    expect(jobs.map(({ id }) => id).sort()).toEqual(['a', 'b']);
    expect(await status('later')).toBe('waiting');
  });

  it('keeps a deadline until it is due, across a restart', async () => {
    const first = open();
    const dueAt = inMs(400);
    await first.schedule([spec('deadline', dueAt)]);
    await first.stop();
    const { reached } = collect(open());
    await reached(1);
    expect(Date.now()).toBeGreaterThanOrEqual(new Date(dueAt).getTime() - 5);
  });

  it('schedules within a transaction: nothing remains when it rolls back', async () => {
    const queue = open();
    const { jobs, reached } = collect(queue);
    await expect(
      database.transaction(async (tx) => {
        await queue.schedule([spec('ghost')], tx);
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    await queue.schedule([spec('real')]);
    await reached(1);
    expect(jobs.map((job) => job.id)).toEqual(['real']);
    expect(await status('ghost')).toBeUndefined();
  });

  it('hands the job of a dead holder to another, and says so', async () => {
    await open().schedule([spec('left')]);
    await database.query(
      `update ${SCHEMA}.job set status = 'leased', lease_owner = 'killed', attempt = 1, lease_until = now() + interval '200 ms'`,
    );
    const { jobs, reached } = collect(open());
    await reached(1);
    expect(jobs[0]).toMatchObject({ id: 'left', attempt: 2, takenOver: true });
  });

  it('renews the lease of a job that takes longer, so that nobody else does it', async () => {
    const [one, two] = [open(), open()];
    let finish: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (finish = resolve));
    const leaseMs = 600;
    // Either of the two may take the other job: only the slow one waits.
    const first = collect(one, leaseMs, (job) => (job.id === 'slow' ? slow : Promise.resolve()));
    await one.schedule([spec('slow')]);
    await first.reached(1);
    const second = collect(two, leaseMs);
    await two.schedule([spec('other')]);
    await until(async () => (await status('other')) === 'done');
    const lease = async () => {
      const rows: { until: Date }[] = await database.query(
        `select lease_until as until from ${SCHEMA}.job where id = 'slow'`,
      );
      return rows[0]?.until.getTime() ?? 0;
    };
    const before = await lease();
    await until(async () => (await lease()) > before + 2 * leaseMs);
    finish();
    await until(async () => (await status('slow')) === 'done');
    expect([...first.jobs, ...second.jobs].filter((job) => job.id === 'slow')).toHaveLength(1);
  });

  it('tries again after a handler throws, and counts the attempts', async () => {
    const queue = open();
    const { jobs, reached } = collect(queue, 5_000, (job) =>
      job.attempt < 2 ? Promise.reject(new Error('not yet')) : Promise.resolve(),
    );
    await queue.schedule([spec('flaky')]);
    await reached(2);
    expect(jobs.map((job) => job.attempt)).toEqual([1, 2]);
  });

  it('never begins what was cancelled', async () => {
    const queue = open();
    await queue.schedule([spec('no', inMs(150)), spec('yes', inMs(200))]);
    await queue.cancel(['no']);
    const { jobs, reached } = collect(queue);
    await reached(1);
    expect(jobs.map((job) => job.id)).toEqual(['yes']);
  });
});
