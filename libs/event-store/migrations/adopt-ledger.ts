import type { Client } from 'pg';
import { DomainError } from '#libs/kernel';
import { isBehind, isElsewhere, type LedgerServer, ledgerServer } from '../ledger-server';
import { asOwner, underMigrationLock } from './migrate-ledger';

/** A table beside the ledger's events that holds values of `tx` or cursors. */
export interface RecordedTransactions {
  /** With its schema. Where it is missing (another database has it), there is nothing to look at. */
  readonly table: string;
  /** SQL that gives one row with the greatest `tx` in it as `numeric`, or null. */
  readonly greatest: string;
}

export interface AdoptOptions {
  /** Where transactions are recorded beside the events. What is appended to them waits meanwhile. */
  readonly recorded: readonly RecordedTransactions[];
  /**
   * The ledger is on the server where it always was, in an earlier state of it (a copied folder, a snapshot,
   * point-in-time recovery): nothing in it shows that somebody has seen more.
   */
  readonly rewound?: boolean;
}

export interface AdoptedLedger {
  /** What `ledger.tx_offset` was raised by, a decimal string; '0' when new events come last as it is. */
  readonly raisedBy: string;
}

/**
 * How far beyond all that is recorded an adopted ledger goes on. Cursors outside of the database can be ahead of its
 * last event: a live stream that began at the end, the cut of a checkpoint that is kept elsewhere, and, when an older
 * backup was restored, whoever has read what was lost. At a thousand transactions a second, a server gets so far in 34
 * years; and it leaves room to adopt a ledger eight million times.
 */
const HEADROOM = 2n ** 40n;

/**
 * After a restore or a move to another server, transaction ids start low again, while the reading order and every
 * reader's cursor go by `tx` = `ledger.tx_offset` + transaction id. Raises the offset until new events come after all
 * that anybody has seen, and records the server. Never lowers it. Safe to repeat, and while services run.
 *
 * @param client logged in as the owner; writers wait while the offset is raised.
 * @throws DomainError('invalid_configuration') when the login is not the owner's or the database holds no ledger.
 */
export async function adoptLedger(client: Client, options: AdoptOptions): Promise<AdoptedLedger> {
  return underMigrationLock(client, () =>
    asOwner(client, async () => {
      await demandLedger(client);
      const recorded = await presentIn(client, options.recorded);
      if (!options.rewound && !needsAdoption(await stateOf(client, recorded))) return { raisedBy: '0' };
      await client.query('begin');
      try {
        const tables = ['ledger.events', ...recorded.map(({ table }) => table)];
        await client.query(`lock table ${tables.join(', ')} in share row exclusive mode`);
        const adopted = await raise(client, await stateOf(client, recorded));
        await client.query('commit');
        return adopted;
      } catch (error) {
        await client.query('rollback');
        throw error;
      }
    }),
  );
}

const needsAdoption = (state: LedgerServer): boolean =>
  isBehind(state) || isElsewhere(state) || (state.home === null && state.here !== null);

async function raise(client: Client, { nextTx, lastTx }: LedgerServer): Promise<AdoptedLedger> {
  const [next, last] = [BigInt(nextTx), BigInt(lastTx)];
  const raisedBy = (last > next ? last - next : 0n) + HEADROOM;
  const { rows } = await client.query<{ raised: string }>('select (ledger.tx_offset() + $1::bigint)::text as raised', [
    raisedBy.toString(),
  ]);
  const raised = BigInt(rows[0]?.raised ?? '');
  await client.query(`create or replace function ledger.tx_offset() returns bigint
                        language sql stable parallel safe as 'select ${raised}::bigint'`);
  await client.query(
    'insert into ledger.server (system_identifier, tx_offset) values (ledger.this_server(), ledger.tx_offset())',
  );
  return { raisedBy: raisedBy.toString() };
}

/** With the greatest `tx` that stands anywhere as the last. */
async function stateOf(client: Client, recorded: readonly RecordedTransactions[]): Promise<LedgerServer> {
  let state = await ledgerServer(client);
  for (const { greatest } of recorded) {
    const { rows } = await client.query<{ tx: string | null }>(
      `select trunc(found.tx)::text as tx from (${greatest}) as found (tx)`,
    );
    const tx = rows[0]?.tx ?? '0';
    if (BigInt(tx) > BigInt(state.lastTx)) state = { ...state, lastTx: tx };
  }
  return state;
}

async function presentIn(
  client: Client,
  recorded: readonly RecordedTransactions[],
): Promise<readonly RecordedTransactions[]> {
  const { rows } = await client.query<{ name: string }>(
    'select name from unnest($1::text[]) as wanted (name) where to_regclass(name) is not null',
    [recorded.map(({ table }) => table)],
  );
  return recorded.filter(({ table }) => rows.some(({ name }) => name === table));
}

async function demandLedger(client: Client): Promise<void> {
  const { rows } = await client.query<{ database: string; events: boolean; server: boolean }>(
    `select current_database() as database, to_regclass('ledger.events') is not null as events,
            to_regclass('ledger.server') is not null as server`,
  );
  const { database, events, server } = rows[0] ?? {};
  if (events && server) return;
  throw new DomainError('invalid_configuration', {
    field: 'MIGRATION_URL',
    reason: events
      ? `the ledger in database ${database} is of an earlier release: run countersign migrate first`
      : `there is no ledger in database ${database}: restore the dump first, or name the database that holds it`,
  });
}
