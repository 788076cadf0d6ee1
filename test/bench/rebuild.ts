import { Client } from 'pg';
import { pino } from 'pino';
import { DataSource } from 'typeorm';
import { createPostgresEventStore } from '../../libs/event-store';
import { rebuildReadModel } from '../../libs/local';
import { NO_JOBS, ProjectionRunner } from '../../libs/read-model';
import { service as caseService } from '../../services/case/src/service';
import { onBenchDatabase } from './bench-database';
import { fillLedger } from './filled-ledger';
import { rebuildRawCaseList } from './raw-case-list';
import { benchResult, median, numberArgument, printReport, runBench } from './report';
import { inRounds } from './rounds';

/**
 * Rebuilding the list of cases from the first event, as `npx countersign projections rebuild` does it: in shadow tables,
 * compared with the live ones, and put in their place. Against raw pg, which reads the same events from the twin table and
 * upserts the same rows in batches of the same size into identical tables, and is done then. Neither waits for the disk.
 */
const ROUNDS = 6;
const SCHEMA = 'svc_case';
const PROJECTION = 'case-list';

/** The live read model, up to the end of the ledger: a rebuild goes no further than that. */
async function followLedger(url: string): Promise<void> {
  const store = createPostgresEventStore({ connection: { connectionString: url } });
  const { entities } = caseService;
  const database = new DataSource({ type: 'postgres', url, schema: SCHEMA, entities: [...entities] });
  await database.initialize();
  const projections = caseService.projections({ jobs: NO_JOBS });
  const logger = pino({ level: 'error' }, pino.destination(2));
  const runner = new ProjectionRunner({ store, database, schema: SCHEMA, projections, logger });
  const last = await lastEvent(url);
  runner.start();
  if (!(await runner.caughtUpWith([last], 120_000))) throw new Error('the read model has not caught up');
  await runner.stop();
  await Promise.all([database.destroy(), store.close()]);
}

async function lastEvent(url: string) {
  const store = createPostgresEventStore({ connection: { connectionString: url } });
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ stream: string }>(
    'select stream from ledger.events order by tx desc, position desc limit 1',
  );
  const last = (await store.readStream('case', rows[0]?.stream ?? '')).at(-1);
  await Promise.all([client.end(), store.close()]);
  if (!last) throw new Error('the ledger is empty');
  return last;
}

async function main(args: readonly string[]): Promise<void> {
  const cases = numberArgument(args, 'cases', 4_000);
  await onBenchDatabase([caseService], async (database) => {
    process.stderr.write('writing the events, and the live read model\n');
    const written = await fillLedger(database.url, cases);
    await database.copyLedgerToTwin();
    await followLedger(database.url);
    const raw = new Client({ connectionString: database.superuserUrl });
    await raw.connect();
    await raw.query(`
      create table raw.case_summary (like ${SCHEMA}.case_summary including all);
      create table raw.case_alert (like ${SCHEMA}.case_alert including all);
      set synchronous_commit = off; set jit = off`);
    await database.settle();

    const rebuild = {
      url: database.superuserUrl,
      service: caseService,
      projection: PROJECTION,
      personalKeysFile: undefined,
    };
    const perSecond = async (work: () => Promise<number>): Promise<number> => {
      const start = performance.now();
      const events = await work();
      if (events !== written) throw new Error(`${events} of ${written} events were applied`);
      return (events * 1000) / (performance.now() - start);
    };
    const ours = async () => {
      const { events, equal } = await rebuildReadModel(rebuild);
      if (!equal) throw new Error('the rebuilt rows are others than the live ones');
      return events;
    };
    const competitors = [
      { name: 'ours', run: () => perSecond(ours) },
      { name: 'raw-pg', run: () => perSecond(() => rebuildRawCaseList(raw)) },
    ];
    for (const { run } of competitors) await run();
    await demandSameRows(raw);
    const measured = await inRounds('rebuild', ROUNDS, competitors);
    await raw.end();
    const value = (name: string) => median(measured.get(name) ?? []);
    printReport('rebuild', [benchResult('cases', 'events/s', value('ours'), { 'raw-pg': value('raw-pg') })], args);
  });
}

/** Both have done the same, or the comparison says nothing. */
async function demandSameRows(client: Client): Promise<void> {
  for (const table of ['case_summary', 'case_alert']) {
    const { rows } = await client.query(`
      (table ${SCHEMA}.${table} except all table raw.${table}) union all
      (table raw.${table} except all table ${SCHEMA}.${table}) limit 1`);
    if (rows.length > 0) throw new Error(`raw pg has made other rows of ${table}: ${JSON.stringify(rows[0])}`);
  }
}

runBench(main);
