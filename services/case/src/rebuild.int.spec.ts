import { Client } from 'pg';
import type { CaseSummary } from '#contracts/http/case';
import { SERVICES } from '#contracts/envelope';
import { listProjections, migrate, rebuildReadModel } from '#libs/local';
import type { RebuildProgress } from '#libs/read-model';
import { runTypeScript } from '#libs/testing';
import { type Page, useCaseService } from './case-service.fixture';
import { host } from './domain/alert.fixture';
import { service } from './service';

const { postgres, services, get, post, send, eventually, alert, openCase } = useCaseService();

const keysFile = () => services()[0]?.context.settings.personalKeysFile;
const rebuild = (more: Partial<Parameters<typeof rebuildReadModel>[0]> = {}) =>
  rebuildReadModel({ url: postgres.ownerUrl, service, projection: 'case-list', personalKeysFile: keysFile(), ...more });

async function query<Row>(sql: string): Promise<Row[]> {
  return (await postgres.ownerPool().query(sql)).rows as Row[];
}
const summaries = () => query('select * from svc_case.case_summary order by case_id');
const alertsOfCases = () => query('select * from svc_case.case_alert order by case_id, alert_id');
const jobs = () => query('select * from svc_case.job order by id');
const leftovers = () => query(`select nspname from pg_namespace where nspname like '%\\_\\_rebuild'`);

/** What psql's \d shows of the tables, and who may use them. */
const shape = () =>
  query(`
    select tablename, indexdef as what from pg_indexes where schemaname = 'svc_case'
    union all select tablename, policyname || qual || with_check || roles::text from pg_policies where schemaname = 'svc_case'
    union all select relname, relacl::text || relrowsecurity || coalesce(reloptions::text, '') || pg_get_userbyid(relowner)
      from pg_class
      where relnamespace = 'svc_case'::regnamespace and relkind = 'r'
    union all select table_name, column_name || data_type || is_nullable || ordinal_position from information_schema.columns
      where table_schema = 'svc_case'
    order by 1, 2`);

const listed = async (q: string): Promise<CaseSummary[]> =>
  (await get<Page<CaseSummary>>(`/v1/cases?limit=500&q=${q}`)).body.items;

/** Waits until the list shows `count` cases of `q`. */
const listing = (q: string, count: number) =>
  eventually(async () => {
    const items = await listed(q);
    return items.length === count ? items : undefined;
  });

describe('a rebuild of the case list', () => {
  it('gives the same rows while alerts keep coming and a reader keeps reading', async () => {
    await send(...cases('early', 40));
    const known = (await listing('early', 40)).map(({ caseId }) => caseId).sort();
    await query('alter table svc_case.case_alert set (fillfactor = 90, autovacuum_enabled = true)');
    const before = await shape();
    const progress: RebuildProgress[] = [];
    let over = false;

    const reading = (async () => {
      let reads = 0;
      for (; !over; reads += 1) {
        expect((await listed('early')).map(({ caseId }) => caseId).sort()).toEqual(known);
      }
      return reads;
    })();
    const sending = (async () => {
      let sent = 0;
      for (; !over; sent += 1) {
        // Both a case that opens and one that was rebuilt already and changes.
        const more = { uid: `early-0-more-${sent}`, observables: [host('early-0')] };
        await send(...cases(`late${sent}x`, 1), more);
        await alert(more.uid);
      }
      return sent;
    })();
    const report = await rebuild({ batch: 3, onProgress: (at) => progress.push(at) }).finally(() => (over = true));
    const [reads, sent] = await Promise.all([reading, sending]);

    expect(report).toMatchObject({ outcome: 'replaced', equal: true });
    expect(report.tables.map(({ table, rows }) => [table, rows.before > 0])).toEqual([
      ['case_summary', true],
      ['case_alert', true],
    ]);
    expect(reads).toBeGreaterThan(0);
    expect(new Set(progress.map(({ phase }) => phase))).toEqual(new Set(['copying', 'comparing', 'replacing']));
    expect(progress.some(({ secondsLeft }) => secondsLeft !== undefined && secondsLeft > 0)).toBe(true);
    expect(progress.at(-1)?.events).toBeGreaterThanOrEqual(40);

    await listing('late', sent);
    expect((await listed('early-0')).find(({ alertCount }) => alertCount === sent + 1)).toBeDefined();
    expect(await shape()).toEqual(before);
    expect(await leftovers()).toEqual([]);
    expect(await rebuild({ dryRun: true })).toMatchObject({ outcome: 'compared', equal: true });
  });

  it('shows what was different, and mends it', async () => {
    const [changed, removed] = [await openCase('forged'), await openCase('removed')];
    await listing('host-of-forged', 1);
    await listing('host-of-removed', 1);
    const [rows, alerts] = [await summaries(), await alertsOfCases()];
    const invented = '00000000-0000-4000-8000-000000000000';
    await query(`update svc_case.case_summary set severity = 'low', title = 'nothing' where case_id = '${changed}'`);
    await query(`delete from svc_case.case_alert where case_id = '${removed}'`);
    await query(`insert into svc_case.case_summary
      select (jsonb_populate_record(row, jsonb_build_object('case_id', '${invented}'))).*
      from svc_case.case_summary as row where case_id = '${removed}'`);

    const looked = await rebuild({ dryRun: true });
    expect(looked).toMatchObject({ outcome: 'compared', equal: false });
    const [ofCases, ofAlerts] = looked.tables;
    expect(ofCases).toMatchObject({
      table: 'case_summary',
      rows: { before: rows.length + 1, after: rows.length },
      ...{ onlyBefore: 1, onlyAfter: 0, changed: 1 },
      examples: [
        { kind: 'only before', key: { case_id: invented } },
        { kind: 'changed', key: { case_id: changed }, columns: ['title', 'severity'] },
      ],
    });
    expect(ofAlerts).toMatchObject({
      table: 'case_alert',
      ...{ onlyBefore: 0, onlyAfter: 1, changed: 0 },
      examples: [{ kind: 'only after', key: { case_id: removed } }],
    });
    expect((await summaries()).length).toBe(rows.length + 1);

    expect(await rebuild()).toMatchObject({ outcome: 'replaced', equal: false, tables: looked.tables });
    expect([await summaries(), await alertsOfCases()]).toEqual([rows, alerts]);
    const [status] = await listProjections({ url: postgres.ownerUrl }, [service]);
    expect(status).toMatchObject({
      ...{ service: 'case', projection: 'case-list', lag: 0 },
      lastRebuild: { report: { outcome: 'replaced', equal: false, tables: looked.tables } },
    });
  });

  it('mends a read model that is stuck, which then goes on', async () => {
    const caseId = await openCase('stuck');
    await listing('host-of-stuck', 1);
    await query(`update svc_case.case_summary set alert_count = 2147483647 where case_id = '${caseId}'`);
    await send({ uid: 'one-too-many', observables: [host('host-of-stuck')] });
    await eventually(async () => {
      const troubles = services().map(({ context }) => context.readModels.troubles()['case-list']);
      return troubles.every((trouble) => trouble?.includes('out of range')) ? true : undefined;
    });
    expect(await rebuild()).toMatchObject({ outcome: 'replaced', equal: false });
    await eventually(async () => {
      const [row] = await listed('host-of-stuck');
      return row?.alertCount === 2 ? true : undefined;
    });
  });

  it('schedules no deadline again, and cancels none', async () => {
    const caseId = await openCase('escalated');
    await post(`/v1/cases/${caseId}/escalations`, {
      to: { kind: 'person', id: 'olivia' },
      reason: 'look',
      withinMinutes: 60,
    });
    const before = await eventually(async () => {
      const found = await jobs();
      return found.length > 0 ? found : undefined;
    });
    await query('delete from svc_case.job');
    await rebuild();
    expect(await jobs()).toEqual([]);
    await query(
      `insert into svc_case.job select * from jsonb_populate_recordset(null::svc_case.job, '${JSON.stringify(before)}')`,
    );
    await rebuild();
    expect(await jobs()).toEqual(before);
  });

  it('waits for who has the tables in hand, holds nobody up meanwhile, and is the only one', async () => {
    await openCase('before-the-report');
    const report = new Client({ connectionString: postgres.ownerUrl });
    await report.connect();
    await report.query(`begin; set local idle_in_transaction_session_timeout = 0`);
    await report.query('select count(*) from svc_case.case_summary');
    let replacing = (): void => undefined;
    const reached = new Promise<void>((resolve) => (replacing = resolve));
    const rebuilding = rebuild({ onProgress: ({ phase }) => (phase === 'replacing' ? replacing() : undefined) });
    await reached;
    await expect(rebuild()).rejects.toMatchObject({ code: 'service_unavailable' });
    await openCase('during-the-report');
    await listing('during-the-report', 1);
    await report.query('commit');
    await report.end();
    expect(await rebuilding).toMatchObject({ outcome: 'replaced', equal: true });
    await listing('during-the-report', 1);
  });

  it('takes along what the live tables have got while its last transaction waited for them', async () => {
    const follower = new Client({ connectionString: postgres.ownerUrl });
    await follower.connect();
    // As a follower does in the middle of a batch: others go on, the rebuild waits.
    await follower.query('begin; set local idle_in_transaction_session_timeout = 0');
    await follower.query('lock table svc_case.projection_checkpoint in row exclusive mode');
    const rebuilding = rebuild();
    let over = false;
    const sending = (async () => {
      let sent = 0;
      for (; !over; sent += 1) await send(...cases(`last-moment${sent}x`, 1));
      return sent;
    })();
    const gone = async () => (await query<{ cursor: string }>('select cursor from svc_case.projection_checkpoint'))[0];
    await eventually(async () => {
      const waiting = await query(`select from pg_locks
        where relation = 'svc_case.projection_checkpoint'::regclass and mode = 'ShareRowExclusiveLock' and not granted`);
      return waiting.length > 0 ? true : undefined;
    });
    const before = await gone();
    await eventually(async () => ((await gone())?.cursor !== before?.cursor ? true : undefined));
    await follower.query('commit');
    await follower.end();
    expect(await rebuilding).toMatchObject({ outcome: 'replaced', equal: true });
    over = true;
    const sent = await sending;
    await eventually(async () => {
      const [row] = await query<{ count: string }>(
        `select count(*) from svc_case.case_summary where search like '%last-moment%'`,
      );
      return Number(row?.count) === sent ? true : undefined;
    });
    expect(await rebuild({ dryRun: true })).toMatchObject({ equal: true });
  });

  it('refuses a table that a view reads', async () => {
    await query('create view svc_case.titles as select title from svc_case.case_summary');
    await expect(rebuild({ dryRun: true })).rejects.toMatchObject({
      code: 'invalid_configuration',
      field: 'svc_case.case_summary',
      reason: 'cannot be rebuilt: it has view svc_case.titles',
    });
    await query('drop view svc_case.titles');
  });

  it('refuses a table that a migration changed while it was rebuilt, and leaves it alone', async () => {
    const rows = await summaries();
    let once: Promise<unknown> | undefined;
    const refused = await rebuild({
      batch: 1,
      onProgress: () => {
        once ??= query('create index late on svc_case.case_summary (owner)');
      },
    }).catch((error: unknown) => error);
    await once;
    expect(refused).toMatchObject({ code: 'stream_conflict', field: 'svc_case.case_summary' });
    expect(await summaries()).toEqual(rows);
    await query('drop index svc_case.late');
  });
});

describe('a rebuild that is killed (kill -9)', () => {
  const PROGRAM = `
    import { rebuildReadModel } from '#libs/local';
    import { service } from '#services/case';
    const say = (line: string) => process.stdout.write(line + '\\n');
    say('ready');
    rebuildReadModel({
      url: process.env.DATABASE ?? '', service, projection: 'case-list', batch: 2, personalKeysFile: process.env.KEYS, onProgress: ({ phase }) => say(phase),
    }).then(({ equal }) => say(equal ? 'equal' : 'different'));
  `;
  const started = () => runTypeScript(PROGRAM, { DATABASE: postgres.ownerUrl, KEYS: keysFile() ?? '' });

  it('leaves the old rows or the new ones, whole, and the next one does the work', async () => {
    const expected = [await summaries(), await alertsOfCases(), await shape()];
    for (const phase of ['copying', 'comparing', 'replacing']) {
      const child = started();
      while ((await child.nextLine()) !== phase);
      child.kill('SIGKILL');
      await child.ended();
      expect([await summaries(), await alertsOfCases(), await shape()]).toEqual(expected);
      expect((await get('/v1/cases')).status).toBe(200);
    }
    const child = started();
    let line = await child.nextLine();
    while (!['equal', 'different'].includes(line)) line = await child.nextLine();
    expect(line).toBe('equal');
    await child.ended();
    expect([await summaries(), await alertsOfCases(), await shape()]).toEqual(expected);
    expect(await leftovers()).toEqual([]);
  });

  it('leaves nothing behind that the next start does not remove', async () => {
    const child = started();
    while ((await child.nextLine()) !== 'copying');
    await child.nextLine();
    child.kill('SIGKILL');
    await child.ended();
    // The server may take a moment to notice that it was killed.
    await eventually(async () => {
      await migrate({ url: postgres.ownerUrl, services: SERVICES.map((name) => ({ name, migrations: [] })) });
      return (await leftovers()).length === 0 ? true : undefined;
    });
  });
});

/** Alerts that open a case each. */
function cases(name: string, count: number) {
  return Array.from({ length: count }, (_, index) => ({
    uid: `${name}-${index}`,
    observables: [host(`${name}-${index}`)],
  }));
}
