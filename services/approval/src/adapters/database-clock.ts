import type { DataSource } from 'typeorm';
import { databaseNow } from '#libs/read-model';

/** Deadlines and warrants are judged by the database's clock, whatever the clock of this machine says (invariant 6). */
export class DatabaseClock {
  constructor(private readonly database: DataSource) {}

  now(): Promise<Date> {
    return databaseNow(this.database);
  }
}
