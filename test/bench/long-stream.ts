import { Client } from 'pg';
import { DataSource } from 'typeorm';
import {
  createPostgresEventStore,
  createPostgresSnapshots,
  type EventStore,
  loadStates,
  NO_STREAM,
  type StreamAppend,
  type StreamHead,
  toNewEvents,
} from '../../libs/event-store';
import { newId } from '../../libs/kernel';
import { caseDecider } from '../../services/case/src/domain/case.decider';
import type { BenchDatabase } from './bench-database';
import { stormOf } from './case-histories';
import { type BenchResult, benchResult, median } from './report';
import { inRounds } from './rounds';

const ROUNDS = 7;
const BATCH = 500;
const SCHEMA = 'svc_case';

/** Appends a case that a storm has brought so many alerts to; its stream. */
export async function fillStorm(store: EventStore, alerts: number): Promise<string> {
  const caseId = newId();
  const stream = `case-${caseId}`;
  let head: StreamHead = NO_STREAM;
  let groups: [StreamAppend][] = [];
  const write = async () => {
    for (const { status } of await store.appendMany(groups)) {
      if (status !== 'appended') throw new Error(`an append of the bench was not written: ${status}`);
    }
    groups = [];
  };
  for (const event of stormOf(caseId, alerts)) {
    const context = { category: 'case', stream, actor: { kind: 'service', id: 'case' }, time: new Date() } as const;
    const events = toNewEvents([event], { ...context, meta: { correlationId: caseId } });
    const append = { category: 'case', stream, tenant: 'default', expected: head, events } as const;
    head = store.headAfter(append);
    groups.push([append]);
    if (groups.length === BATCH) await write();
  }
  await write();
  return stream;
}

/**
 * The state of a case of so many events, as a command on it needs it: with a snapshot, against raw pg that reads one row of
 * the same bytes by its primary key; and without, against raw pg that reads the events of the stream and folds nothing.
 */
export async function measureLongStream({ url, superuserUrl }: BenchDatabase, events: number): Promise<BenchResult[]> {
  const store = createPostgresEventStore({ connection: { connectionString: url, idleTimeoutMillis: 0 } });
  const database = await new DataSource({ type: 'postgres', url, schema: SCHEMA }).initialize();
  const raw = new Client({ connectionString: superuserUrl });
  await raw.connect();
  const stream = await fillStorm(store, events);
  const snapshots = createPostgresSnapshots({
    ...{ database, schema: SCHEMA },
    onTrouble: (error) => {
      throw error;
    },
  });
  const load = async (kept?: typeof snapshots) => {
    const loaded = await loadStates(store, caseDecider, { category: 'case', streams: [stream], snapshots: kept });
    if (loaded.states.get(stream)?.head.version !== events) throw new Error('the state is not of all events');
  };
  await load(snapshots);
  await raw.query(`create table raw.kept (stream text primary key, state json not null);
    insert into raw.kept select stream, state from ${SCHEMA}.snapshot`);
  const readRow = () =>
    raw.query({ name: 'row', text: 'select state from raw.kept where stream = $1', values: [stream] });
  const readEvents = () =>
    raw.query({
      name: 'events',
      text: `select category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash, tx, position
               from ledger.events_case where category = 'case' and stream = $1 order by version`,
      values: [stream],
    });
  const snapshot = await compare('snapshot', () => load(snapshots), readRow, 200);
  const fold = await compare('fold', () => load(), readEvents, 3);
  await Promise.all([raw.end(), store.close(), database.destroy()]);
  return [snapshot, fold];
}

async function compare(
  name: string,
  ours: () => Promise<unknown>,
  raw: () => Promise<unknown>,
  times: number,
): Promise<BenchResult> {
  const milliseconds = (work: () => Promise<unknown>) => async () => {
    const start = performance.now();
    for (let turn = 0; turn < times; turn += 1) await work();
    return (performance.now() - start) / times;
  };
  const competitors = [
    { name: 'ours', run: milliseconds(ours) },
    { name: 'raw-pg', run: milliseconds(raw) },
  ];
  for (const { run } of competitors) await run();
  const measured = await inRounds(name, ROUNDS, competitors);
  const value = (side: string) => median(measured.get(side) ?? []);
  return benchResult(name, 'ms', value('ours'), { 'raw-pg': value('raw-pg') }, 'lower');
}
