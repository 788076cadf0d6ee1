/** What a superuser does to the table: a statement, and its values. */
export type Change = readonly [sql: string, values?: unknown[]];

type AsSuperuser = (change: string, values?: unknown[]) => Promise<void>;

/**
 * Changes the ledger's table past grants, row security and triggers, looks at it, and puts everything back as it was. What
 * was recorded stands in `public.kept` meanwhile.
 */
export async function whileTampered<T>(
  asSuperuser: AsSuperuser,
  changes: readonly Change[],
  look: () => Promise<T>,
): Promise<T> {
  await asSuperuser('create table public.kept as select * from ledger.events');
  try {
    for (const [sql, values] of changes) await asSuperuser(sql, values);
    return await look();
  } finally {
    await asSuperuser(
      `delete from ledger.events; insert into ledger.events overriding system value select * from public.kept`,
    );
    await asSuperuser('drop table public.kept');
  }
}
