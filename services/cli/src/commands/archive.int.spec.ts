import { Command } from 'commander';
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Client } from 'pg';
import { createPostgresEventStore, migrateLedger, type NewEvent, NO_STREAM } from '#libs/event-store';
import { newId } from '#libs/kernel';
import { createPersonalKeys } from '#libs/personal-data';
import { useMigratedPostgres } from '#libs/testing';
import { definitions } from '../../../all-in-one/src/services';
import { UsageProblem } from '../session';
import { archiveCommand } from './archive';
import { projectionsCommand } from './projections';

const postgres = useMigratedPostgres(...definitions);
const folder = mkdtempSync(join(tmpdir(), 'countersign-archive-'));
const SHELF = 202501;

/** As `npx countersign ARGS`. */
async function countersign(...args: string[]) {
  const output = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    jest.spyOn(process[stream], 'write').mockImplementation((text) => {
      output[stream] += String(text);
      return true;
    }),
  );
  const program = new Command().exitOverride().option('--json');
  archiveCommand(program);
  projectionsCommand(program);
  process.exitCode = 0;
  try {
    await program.parseAsync(args, { from: 'user' });
    return { ...output, code: process.exitCode };
  } finally {
    process.exitCode = 0;
    for (const spy of spies) spy.mockRestore();
  }
}
const onDatabase = (...args: string[]) => countersign('archive', ...args, '--database', postgres.archivistUrl);

const anEvent = (given: Partial<NewEvent> = {}): NewEvent => ({
  ...{ id: newId(), type: 'AlertDuplicated', schemaVersion: 1, time: '2025-01-15T00:00:00.000Z' },
  ...{ actor: { kind: 'service', id: 'case' }, data: {}, meta: { correlationId: 'c-1' }, ...given },
});

/** Two alerts and a refused action of January 2025. */
beforeAll(async () => {
  const keys = join(folder, '..', `${basename(folder)}-keys.json`);
  createPersonalKeys(keys);
  process.env['COUNTERSIGN_PERSONAL_KEYS_FILE'] = keys;
  const owner = new Client({ connectionString: postgres.ownerUrl });
  await owner.connect();
  const { rows } = await owner.query<{ now: string }>(`select pg_get_functiondef('ledger.shelf_now'::regproc) as now`);
  await owner.query(`create or replace function ledger.shelf_now() returns integer
                       language sql stable parallel safe as 'select ${SHELF}'`);
  await migrateLedger(owner);
  const store = createPostgresEventStore({ pool: postgres.pool('case') });
  for (const stream of ['alert-1', 'alert-2']) {
    const append = { category: 'alert', stream, tenant: 'default', expected: NO_STREAM } as const;
    await store.append([{ ...append, events: [anEvent(), anEvent()] }]);
  }
  const actions = createPostgresEventStore({ pool: postgres.pool('connector') });
  const ids = { actionId: newId(), runId: newId(), caseId: newId(), connectionId: 'firewall' };
  const data = { ...ids, stepId: 'step', action: 'block', code: 'warrant_missing', reason: 'there was none' };
  const append = {
    category: 'action',
    stream: `action-${ids.actionId}`,
    tenant: 'default',
    expected: NO_STREAM,
  } as const;
  await actions.append([{ ...append, events: [anEvent({ type: 'ActionRefused', data })] }]);
  await owner.query(rows[0]?.now ?? '');
  await owner.end();
});
afterAll(() => {
  rmSync(process.env['COUNTERSIGN_PERSONAL_KEYS_FILE'] ?? '');
  delete process.env['COUNTERSIGN_PERSONAL_KEYS_FILE'];
  rmSync(folder, { recursive: true });
});

async function cover(): Promise<void> {
  const { rows } = await postgres
    .ownerPool()
    .query(`select tx::text, position::text from ledger.events order by tx desc, position desc limit 1`);
  const store = createPostgresEventStore({ pool: postgres.pool('ledger') });
  const append = { category: 'checkpoint', stream: 'checkpoint-log', tenant: 'default', expected: NO_STREAM } as const;
  await store.append([{ ...append, events: [anEvent({ type: 'CheckpointSigned', data: { upTo: rows[0] } })] }]);
}

describe('countersign archive', () => {
  it('says which shelves can go', async () => {
    const { items } = JSON.parse((await onDatabase('plan', '--json')).stdout);
    expect(items).toContainEqual({ category: 'alert', shelf: SHELF, isReady: true });
    expect(items).toContainEqual(expect.objectContaining({ isReady: false, reason: 'new streams go there' }));
    const young = JSON.parse((await onDatabase('plan', '--json', '--keep', '60y')).stdout);
    expect(young.items.filter(({ isReady }: { isReady: boolean }) => isReady)).toEqual([]);
  });

  it('archives nothing before a checkpoint, then what is old, and then nothing more', async () => {
    await expect(onDatabase('run', '--dir', folder)).rejects.toMatchObject({ code: 'invalid_transition' });
    await cover();
    const run = await onDatabase('run', '--dir', folder);
    expect(run.stdout).toMatch(/alert +202501 +4 +0 +alert-202501\.ndjson\.gz/);
    expect(run.stderr).toContain('alert-202501: dropped\n');
    const files = ['action-202501.json', 'action-202501.ndjson.gz', 'alert-202501.json', 'alert-202501.ndjson.gz'];
    expect(readdirSync(folder).sort()).toEqual(files);
    expect((await onDatabase('run', '--dir', folder)).stdout).toBe('Nothing is old enough.\n');
  });

  it('lets a read model be made anew from archives and database, and not without the archives', async () => {
    const rebuild = () =>
      countersign('projections', 'rebuild', 'connector', 'actions', '--json', '--database', postgres.ownerUrl);
    const listed = await countersign('projections', 'list', '--json', '--database', postgres.ownerUrl);
    expect(JSON.parse(listed.stdout).items).toContainEqual(expect.objectContaining({ projection: 'actions', lag: 1 }));
    // Never followed: it has nothing to be compared with, and is made as far as it is.
    const [last] = (
      await postgres
        .ownerPool()
        .query('select last_tx::text as tx, last_position::text as position from ledger.archives')
    ).rows;
    await postgres
      .ownerPool()
      .query(
        `insert into svc_connector.projection_checkpoint (projection, cursor, tx, position) values ('actions', $1, $2, $3)`,
        [`${last.tx}.${last.position}`, last.tx, last.position],
      );
    await expect(rebuild()).rejects.toMatchObject({ code: 'history_archived', field: 'LEDGER_ARCHIVE' });
    process.env['LEDGER_ARCHIVE'] = folder;
    const { reports } = JSON.parse((await rebuild()).stdout);
    expect(reports).toMatchObject([{ projection: 'actions', events: 1, tables: [{ onlyAfter: 1 }] }]);
    delete process.env['LEDGER_ARCHIVE'];
  });

  it('lists and verifies what was archived', async () => {
    const { items } = JSON.parse((await onDatabase('list', '--json')).stdout);
    expect(items).toMatchObject([
      { category: 'action', shelf: SHELF, events: 1 },
      { category: 'alert', shelf: SHELF, events: 4 },
    ]);
    expect(await onDatabase('verify', '--dir', folder)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/whole/),
    });
    truncateSync(join(folder, 'alert-202501.ndjson.gz'), 100);
    expect(await onDatabase('verify', '--dir', folder)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/cut off/),
    });
  });

  it('says what is missing or wrong', async () => {
    process.env['COUNTERSIGN_DATA'] = '/nowhere';
    await expect(countersign('archive', 'list')).rejects.toThrow(UsageProblem);
    delete process.env['COUNTERSIGN_DATA'];
    await expect(onDatabase('run')).rejects.toThrow(/--dir FOLDER/);
    for (const keep of ['29d', '13', 'ever', '0mo']) {
      await expect(onDatabase('plan', '--keep', keep)).rejects.toThrow(/--keep/);
    }
  });
});
