import type { DataSource } from 'typeorm';
import { DomainError } from '#libs/kernel';

/** Validity and deadlines are judged by the database's clock, whatever this machine's says (invariant 6). */
export async function databaseNow(database: DataSource): Promise<Date> {
  const rows: { now: Date }[] = await database.query('select clock_timestamp() as now');
  const [row] = rows;
  if (!row) throw new DomainError('database_unavailable', 'The database did not tell the time.');
  return row.now;
}
