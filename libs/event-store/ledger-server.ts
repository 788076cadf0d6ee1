import type { ClientBase, Pool } from 'pg';
import { CATEGORIES } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { toDomainError } from './database-errors';
import { categoryLiteral } from './event-rows';

/** How the ledger stands to the server that it is on now. `tx` are decimal strings, `ledger.tx_offset` included. */
export interface LedgerServer {
  /** The server's system identifier; null when it does not tell. Two servers never have the same, a copy of one has. */
  readonly here: string | null;
  /** The server that the ledger was made on or adopted to; null when that is not recorded. */
  readonly home: string | null;
  /** The least that an event from now on can get. */
  readonly nextTx: string;
  /** Of the last event; 0 when there is none. */
  readonly lastTx: string;
}

/** All of one snapshot: what it shows was committed below `nextTx`, if it was committed on this server. */
const STATE = `
  select ledger.this_server() as here,
         (select system_identifier from ledger.server order by seq desc limit 1) as home,
         (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + ledger.tx_offset())::text as "nextTx",
         coalesce((select e.tx::text from (${CATEGORIES.map(
           (category) => `
           (select tx from ledger.events where category = ${categoryLiteral(category)}
             order by tx desc, position desc limit 1)`,
         ).join(' union all ')}) as e order by e.tx desc limit 1), '0') as "lastTx"`;

export async function ledgerServer(client: ClientBase | Pool): Promise<LedgerServer> {
  const { rows } = await client.query<LedgerServer>(STATE);
  const [state] = rows;
  if (!state) throw new DomainError('internal', 'the ledger does not say which server it is on');
  return state;
}

/** Whether new events would come before events that are there. */
export const isBehind = ({ nextTx, lastTx }: LedgerServer): boolean => BigInt(lastTx) >= BigInt(nextTx);

/** Whether the ledger was written on another server: readers' cursors may then be ahead of this one, too. */
export const isElsewhere = ({ here, home }: LedgerServer): boolean => here !== null && home !== null && here !== home;

/**
 * For each new connection of a service, so that it also holds when the database is replaced below a service that runs.
 * @throws DomainError('ledger_not_adopted') when the ledger was restored or moved here and not adopted: what is
 * appended now would come before what stands there, and readers would skip it.
 */
export async function demandAdoptedLedger(client: ClientBase | Pool): Promise<void> {
  let state: LedgerServer;
  try {
    state = await ledgerServer(client);
  } catch (error) {
    throw toDomainError(error);
  }
  const why = isBehind(state)
    ? `it has events up to transaction ${state.lastTx}, and this server is at ${state.nextTx}`
    : isElsewhere(state)
      ? `it was written on server ${state.home}, and this is server ${state.here}`
      : undefined;
  if (why === undefined) return;
  throw new DomainError('ledger_not_adopted', {
    field: 'LEDGER_URL',
    reason: `the ledger has been restored or moved to this server (${why}), and readers would skip what is appended now: run \`countersign ledger adopt\` once, then start the services`,
  });
}
