import type { DataSource } from 'typeorm';

/** Validity and deadlines are judged by the database's clock (invariant 6). */
export async function databaseNow(database: DataSource): Promise<Date> {
  const rows: { now: Date }[] = await database.query('select clock_timestamp() as now');
  const [row] = rows;
  if (!row) throw new Error('the database told no time');
  return row.now;
}
