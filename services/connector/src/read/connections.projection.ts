import type { ConnectionEvent } from '#contracts/events/connection';
import type { JsonObject } from '#libs/kernel';
import type { Projection } from '#libs/read-model';
import { Connection } from './connection.entity';

export const connectionsProjection: Projection = {
  name: 'connections',
  categories: ['connection'],
  entities: [Connection],
  async apply(events, tx) {
    const connections = tx.getRepository(Connection);
    for (const recorded of events) {
      // The ledger holds only what this service has written to the category, by the category's contract.
      const event = { type: recorded.type, data: recorded.data } as unknown as ConnectionEvent;
      const { tenant, time } = recorded;
      if (event.type === 'ConnectionRegistered') {
        const { connectionId: id, connector, name, version, settings, allowedHosts } = event.data;
        const row = { tenant, id, connector, name, version, settings: settings as JsonObject, allowedHosts };
        await connections.save({ ...row, changedAt: new Date(time), removed: false });
      } else if (event.type === 'ConnectionRemoved') {
        await connections.update({ tenant, id: event.data.connectionId }, { removed: true, changedAt: new Date(time) });
      }
    }
  },
};
