import type { RecordedTransactions } from '#libs/event-store';

/** What of the bus goes by the ledger's transactions, messages and cursors alike. */
export const BUS_TRANSACTIONS: readonly RecordedTransactions[] = [
  { table: 'bus.log', greatest: 'select max(tx::text::numeric) from bus.log' },
  { table: 'bus.cursor', greatest: `select max(split_part(cursor, '.', 1)::numeric) from bus.cursor` },
];
