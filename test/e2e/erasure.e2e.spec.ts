import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import type { AuditReport } from '#contracts/audit';
import type { EventView } from '#contracts/http/case';
import type { Erasure, Mentions } from '#contracts/http/ledger';
import { dataFolder, runningDatabaseUrl } from '#libs/local';
import { bundledAlerts, deliver } from './alert-feed';
import { countersign } from './command-line';
import { grant, waitingContainment } from './contained-case';
import { eventually } from './eventually';
import { PATIENCE_MS, RunningDemo, useDataFolder } from './running-demo';

jest.setTimeout(2 * PATIENCE_MS);

const WHO = 'm.keller';

/** One story on one data folder: each test goes on where the one before ended. */
describe('erasing somebody', () => {
  const data = useDataFolder();
  const keys = join(data, 'keys', 'personal-data.json');
  let demo: RunningDemo;

  beforeAll(async () => {
    demo = await RunningDemo.start(data);
    for (const alert of bundledAlerts()) await deliver(demo, alert);
    for (const approval of await waitingContainment(demo)) await grant(demo, approval);
    copyFileSync(keys, `${keys}.before`);
  }, PATIENCE_MS);

  async function run(subject: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await countersign([...args, '--url', demo.url, '--as', subject], {
      COUNTERSIGN_DATA: data,
    });
    if (code !== 0) throw new Error(`countersign ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }
  const json = async <T>(subject: string, ...args: string[]): Promise<T> =>
    JSON.parse(await run(subject, ...args, '--json')) as T;

  /** The tables, of every service and of the bus and the ledger, that have the text somewhere. */
  async function tablesWith(text: string): Promise<string[]> {
    const client = new Client({ connectionString: runningDatabaseUrl(dataFolder(data)) });
    await client.connect();
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_schema in ('ledger', 'bus') or table_schema like 'svc%' order by 1`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const { rowCount } = await client.query(`select from ${name} t where t::text ilike $1 limit 1`, [`%${text}%`]);
      if (rowCount) found.push(name);
    }
    await client.end();
    return found;
  }

  it('finds what mentions them, which nothing but the read models does in the open', async () => {
    const { items, asPerson } = await json<Mentions>('audrey', 'personal', 'find', WHO);
    expect(items.map(({ record }) => record.replace(/-.*/, ''))).toEqual(expect.arrayContaining(['case', 'alert']));
    expect(asPerson).toBe(0);
    const tables = await tablesWith(WHO);
    expect(tables).toContain('svc_case.case_summary');
    expect(tables.filter((name) => !name.startsWith('svc'))).toEqual([]);
    expect((await tablesWith('olivia')).filter((name) => !name.startsWith('svc'))).toEqual([]);
  });

  it('is for an administrator alone, who says why', async () => {
    const refused = await countersign(
      ['personal', 'erase', '--mentions', WHO, '--reason', 'no', '--url', demo.url, '--as', 'audrey'],
      { COUNTERSIGN_DATA: data },
    );
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('permission_missing') });
    const silent = await countersign(['personal', 'erase', '--mentions', WHO, '--url', demo.url, '--as', 'root']);
    expect(silent).toMatchObject({ code: 1, stderr: expect.stringContaining('--reason') });
    const nobody = await demo.as('root');
    await expect(nobody.post('/v1/personal-data/erasures', { reason: 'why' })).rejects.toThrow(/nothing to erase/);
  });

  it('leaves nothing of them, and the ledger as it is', async () => {
    const before = await json<AuditReport>('audrey', 'audit', 'verify');
    const erasure = await json<Erasure & { rebuilt: string[] }>(
      'root',
      ...['personal', 'erase', '--mentions', WHO, '--person', 'olivia', '--reason', 'request 4711'],
    );
    expect(erasure).toMatchObject({ persons: 1, rebuilt: expect.arrayContaining(['case/case-list']) });
    expect(erasure.records.length).toBeGreaterThan(2);
    expect(await json<Mentions>('root', 'personal', 'find', WHO)).toMatchObject({ items: [], asPerson: 0 });
    await eventually('the copies to be forgotten', async () => (await tablesWith(WHO)).length === 0);
    expect(await tablesWith('olivia')).toEqual([]);
    const after = await json<AuditReport>('audrey', 'audit', 'verify');
    expect(after.verified).toBe(true);
    expect(after.events).toBeGreaterThan(before.events);
  });

  it('is an event that says who, when and why, and not whom', async () => {
    const audrey = await demo.as('audrey');
    const { items } = await audrey.get<{ items: EventView[] }>('/v1/events', { type: 'PersonalDataErased' });
    expect(items).toMatchObject([{ actor: { id: 'root' }, data: { persons: 1, reason: 'request 4711' } }]);
    expect(JSON.stringify(items)).not.toMatch(/keller|olivia/);
  });

  it('shows erased where something was, and goes on working with the case', async () => {
    const story = await run('audrey', 'audit', 'replay', await erasedCase());
    expect(story).toContain('opened the case “erased”');
    const id = (await erasedCase()).slice('case-'.length);
    const arno = await demo.as('arno');
    await arno.post(`/v1/cases/${id}/notes`, { text: 'after the erasure' });
    expect(await run('arno', 'cases', 'show', id)).toContain('erased');
    expect(await run('audrey', 'audit', 'replay', `case-${id}`)).toContain('after the erasure');
  });

  it('holds when an older file of keys is put back: the ledger says what was erased', async () => {
    await demo.kill9();
    copyFileSync(`${keys}.before`, keys);
    demo = await RunningDemo.start(data);
    expect(await json<Mentions>('root', 'personal', 'find', WHO)).toMatchObject({ items: [] });
    expect(await run('audrey', 'audit', 'replay', await erasedCase())).toContain('opened the case “erased”');
  });

  it('does not start with the keys of another installation', async () => {
    await demo.kill9();
    copyFileSync(keys, `${keys}.own`);
    const { id, ...other } = JSON.parse(readFileSync(keys, 'utf8')) as Record<string, unknown>;
    expect(id).toBeDefined();
    writeFileSync(keys, JSON.stringify({ ...other, id: 'another1' }));
    const failing = RunningDemo.launch(data, '--no-alerts');
    await failing.end();
    expect(failing.errors).toContain('restore that file from where it was kept');
    copyFileSync(`${keys}.own`, keys);
    demo = await RunningDemo.start(data);
    expect(await json<AuditReport>('audrey', 'audit', 'verify')).toMatchObject({ verified: true });
  });

  /** The case that was erased, by the event. */
  async function erasedCase(): Promise<string> {
    const audrey = await demo.as('audrey');
    const { items } = await audrey.get<{ items: EventView[] }>('/v1/events', { type: 'PersonalDataErased' });
    const records = items[0]?.data['records'];
    const found = Array.isArray(records) ? records.find((name) => String(name).startsWith('case-')) : undefined;
    return String(found);
  }
});
