import type { DataSource } from 'typeorm';

/** Validity is judged by the database's clock (invariant 6). */
export async function databaseNow(database: DataSource): Promise<Date> {
  const rows: { now: Date }[] = await database.query('select clock_timestamp() as now');
  const [row] = rows;
  if (row === undefined) throw new Error('the database told no time');
  return row.now;
}
