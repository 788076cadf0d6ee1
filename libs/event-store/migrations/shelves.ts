import type { ClientBase } from 'pg';
import type { ShelvedCategory } from '#contracts/envelope';

/**
 * Shelves that are made ahead. Later streams go to the last one there is, so that whoever migrates too seldom keeps more
 * together, and loses nothing; each shelf costs every reader of its category a look.
 */
const MONTHS_AHEAD = 3;

/** Storage parameters of the tables that hold events: as much as a page has room for stays in it. */
export const LEAF_STORAGE = 'toast_tuple_target = 8160';

/** The tables of a category's shelves, without the schema. */
export async function shelvesOf(client: ClientBase, category: ShelvedCategory): Promise<string[]> {
  const { rows } = await client.query<{ shelf: number }>('select shelf from ledger.shelves where category = $1', [
    category,
  ]);
  return rows.map(({ shelf }) => tableOf(category, shelf));
}

/**
 * Makes the shelves of the present month and of those ahead. Each is made beside the others and then attached, which
 * stops neither readers nor writers.
 */
export async function ensureShelves(client: ClientBase, category: ShelvedCategory): Promise<void> {
  const { rows } = await client.query<{ shelf: number }>(
    `select to_char(to_date(ledger.shelf_now()::text, 'YYYYMM') + make_interval(months => ahead), 'YYYYMM')::integer as shelf
       from generate_series(0, ${MONTHS_AHEAD}) as ahead
     except select shelf from ledger.shelves where category = $1
     except select shelf from ledger.archives where category = $1
     order by shelf`,
    [category],
  );
  for (const { shelf } of rows) await makeShelf(client, category, shelf);
}

async function makeShelf(client: ClientBase, category: ShelvedCategory, shelf: number): Promise<void> {
  const table = `ledger.${tableOf(category, shelf)}`;
  await client.query(`
    create table ${table} (like ledger.events including defaults including constraints including storage,
      primary key (category, stream, version), unique (category, id)) with (${LEAF_STORAGE});
    alter table ledger.events_${category} attach partition ${table} for values in (${shelf});
    insert into ledger.shelves (category, shelf) values ('${category}', ${shelf});
  `);
}

const tableOf = (category: ShelvedCategory, shelf: number): string => `events_${category}_${shelf}`;
