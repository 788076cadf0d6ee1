import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { ServiceName } from '#contracts/envelope';
import type { EventStore } from '#libs/event-store';
import type { BusServer } from './bus-server';
import { DeadLetterOffice } from './dead-letter-office';
import { ParkingLot } from './parking';
import type { BusPublisher } from './port';
import { PostgresBusPublisher } from './postgres-transport/postgres-bus-publisher';
import { PostgresBusServer } from './postgres-transport/postgres-bus-server';
import { consumerGroup } from './topics';

export interface BusOptions {
  readonly kind: 'postgres';
  readonly service: ServiceName;
  readonly store: EventStore;
  /** The ledger's database, as the service's own role. One connection is kept for the consumer locks. */
  readonly pool: Pool;
  readonly logger: Logger;
}

/** What one service needs of the bus. */
export interface Bus {
  /** The strategy for `connectBus`; the same one at every call. */
  server(): BusServer;
  readonly publisher: BusPublisher;
  /** Messages that are not handled yet, of each topic with a handler. */
  lag(): Promise<{ topic: string; lag: number }[]>;
  /** Messages of the service's group that wait for a retry, and open dead letters, by topic. */
  troubles(): Promise<{ parked: Map<string, number>; dead: Map<string, number> }>;
  /** Ends the batches in hand, records their outcomes, leaves the group; within 5 s. */
  stop(): Promise<void>;
}

export function createBus(options: BusOptions): Bus {
  const { pool, store } = options;
  const group = consumerGroup(options.service);
  const logger = options.logger.child({ bus: options.kind });
  const parking = new ParkingLot(pool, group);
  const office = new DeadLetterOffice(pool, group);
  const server = new PostgresBusServer({ group, pool, store, logger });
  const publisher = new PostgresBusPublisher(pool);
  return {
    server: () => server,
    publisher,
    lag: () => server.lag(),
    troubles: async () => ({ parked: await parking.count(), dead: await office.countOpen() }),
    async stop() {
      await server.stop();
      await publisher.close();
    },
  };
}
