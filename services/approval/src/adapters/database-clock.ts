import type { DataSource } from 'typeorm';
import { DomainError } from '#libs/kernel';

/** Deadlines and warrants are judged by the database's clock, whatever the clock of this machine says (invariant 6). */
export class DatabaseClock {
  constructor(private readonly database: DataSource) {}

  async now(): Promise<Date> {
    const rows: { now: Date }[] = await this.database.query('select clock_timestamp() as now');
    const [row] = rows;
    if (row === undefined) throw new DomainError('database_unavailable', 'The database did not tell the time.');
    return row.now;
  }
}
