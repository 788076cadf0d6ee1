import { SERVICES } from '#contracts/envelope';
import { BUS_TRANSACTIONS } from '#libs/bus';
import { type AdoptedLedger, adoptLedger, serviceSchema } from '#libs/event-store';
import { checkpointTransactions } from '#libs/read-model';
import { connected } from './connected';

export interface AdoptOptions {
  /** MIGRATION_URL: the owner's login on the ledger's database. */
  readonly url: string;
  /** The server is the same and its data are of an earlier moment: raises the transactions even so. */
  readonly rewound?: boolean;
}

/**
 * After a restore or a move to another server: new events come after everything that the ledger, the bus, the read
 * models and readers outside have seen. Does nothing on a ledger that is where it was.
 * @throws DomainError('database_unavailable') or ('invalid_configuration'), which says what is wrong.
 */
export async function adopt({ url, rewound }: AdoptOptions): Promise<AdoptedLedger> {
  const recorded = [...BUS_TRANSACTIONS, ...SERVICES.map((service) => checkpointTransactions(serviceSchema(service)))];
  return connected(url, 'MIGRATION_URL', (client) => adoptLedger(client, { recorded, rewound }));
}
