import { Command } from 'commander';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NewEvent, createPostgresEventStore, NO_STREAM } from '#libs/event-store';
import { newId } from '#libs/kernel';
import { createPersonalKeys } from '#libs/personal-data';
import { useMigratedPostgres } from '#libs/testing';
import { definitions } from '../../../all-in-one/src/services';
import { UsageProblem } from '../session';
import { projectionsCommand } from './projections';

const postgres = useMigratedPostgres(...definitions);

/** As `npx countersign projections ARGS`. */
async function countersign(...args: string[]) {
  const output = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    jest.spyOn(process[stream], 'write').mockImplementation((text) => {
      output[stream] += String(text);
      return true;
    }),
  );
  const program = new Command().exitOverride().option('--json');
  projectionsCommand(program);
  process.exitCode = 0;
  try {
    await program.parseAsync(['projections', ...args], { from: 'user' });
    return { ...output, code: process.exitCode };
  } finally {
    process.exitCode = 0;
    for (const spy of spies) spy.mockRestore();
  }
}
const onDatabase = (...args: string[]) => countersign(...args, '--database', postgres.ownerUrl);

const connectionId = 'tickets';
const folder = mkdtempSync(join(tmpdir(), 'countersign-projections-'));

/** A connection is registered, and a service that is not running has not followed it; another row is there instead. */
beforeAll(async () => {
  const keys = join(folder, 'personal-data.json');
  createPersonalKeys(keys);
  process.env['COUNTERSIGN_PERSONAL_KEYS_FILE'] = keys;
  const store = createPostgresEventStore({ pool: postgres.pool('connector') });
  const event: NewEvent = {
    id: newId(),
    type: 'ConnectionRegistered',
    schemaVersion: 1,
    time: new Date().toISOString(),
    actor: { kind: 'human', id: 'root' },
    data: { connectionId, connector: 'ticket', name: 'Tickets', version: 1, settings: {}, allowedHosts: [] },
    meta: { correlationId: newId() },
  };
  const stream = { category: 'connection', stream: `connection-${connectionId}`, tenant: 'default' } as const;
  const appended = await store.append([{ ...stream, expected: NO_STREAM, events: [event] }]);
  if (appended.status !== 'appended') throw new Error(appended.status);
  const [{ tx, position } = { tx: '', position: '' }] = appended.events;
  await postgres
    .ownerPool()
    .query(
      `insert into svc_connector.projection_checkpoint (projection, cursor, tx, position) values ('connections', $1, $2, $3)`,
      [`${tx}.${position}`, tx, position],
    );
  await store.close();
});

afterAll(() => {
  delete process.env['COUNTERSIGN_PERSONAL_KEYS_FILE'];
  rmSync(folder, { recursive: true });
});

describe('countersign projections', () => {
  it('lists every read model, where it is and how far behind', async () => {
    const { items } = JSON.parse((await onDatabase('list', '--json')).stdout);
    expect(items).toHaveLength(12);
    expect(items).toContainEqual(
      expect.objectContaining({ service: 'connector', projection: 'connections', lag: 0, lastRebuild: null }),
    );
    expect(items).toContainEqual(expect.objectContaining({ service: 'case', projection: 'case-list', position: null }));
  });

  it('compares, rebuilds and tells what was different, with progress beside it', async () => {
    const looked = await onDatabase('rebuild', 'connector', 'connections', '--dry-run');
    expect(looked.code).toBe(1);
    expect(looked.stdout).toMatch(/^connections: differs \(1 events/);
    expect(looked.stdout).toContain('default tickets');
    expect(looked.stderr).toContain('connections: copying, 0 of 1 events (0 %)');

    const mended = await onDatabase('rebuild', 'connector', '--json');
    expect(mended.code).toBe(0);
    const { reports } = JSON.parse(mended.stdout);
    expect(reports).toMatchObject([
      { projection: 'connections', outcome: 'replaced', equal: false, tables: [{ onlyAfter: 1 }] },
      { projection: 'actions', outcome: 'replaced', equal: true },
    ]);
    expect(
      mended.stderr
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).phase),
    ).toContain('replacing');

    expect(await onDatabase('rebuild', 'connector', 'connections', '--dry-run')).toMatchObject({ code: 0 });
    expect((await onDatabase('list')).stdout).toMatch(/connector +connections .* equal/);
  });

  it('says what is missing or unknown', async () => {
    process.env['COUNTERSIGN_DATA'] = '/nowhere';
    await expect(countersign('list')).rejects.toThrow(UsageProblem);
    delete process.env['COUNTERSIGN_DATA'];
    await expect(onDatabase('rebuild', 'nobody')).rejects.toThrow(/Which service\?.*connector/);
    await expect(onDatabase('rebuild', 'approval', 'approval-deadlines')).rejects.toThrow(/it has: approvals/);
  });

  it('refuses a login that is not the owner’s', async () => {
    const refused = countersign('rebuild', 'connector', '--database', postgres.urlFor('connector'));
    await expect(refused).rejects.toMatchObject({ code: 'invalid_configuration', field: 'MIGRATION_URL' });
  });
});
