import { Client } from 'pg';
import { asOwner, migrateLedger, underMigrationLock } from '#libs/event-store';
import type { DatabaseTemplate } from '#libs/testing';
import { migrateBus } from './migrate';

/** For the specs of this library: a database with the ledger and the bus in it. Raise the number when they change. */
export const BUS_DATABASE: DatabaseTemplate = {
  key: `bus ${migrateBus.toString()} 1`,
  async prepare({ ownerUrl }) {
    const client = new Client({ connectionString: ownerUrl });
    await client.connect();
    try {
      await migrateLedger(client);
      await underMigrationLock(client, () => asOwner(client, () => migrateBus(client)));
    } finally {
      await client.end();
    }
  },
};
