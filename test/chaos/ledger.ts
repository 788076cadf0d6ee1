import { Client } from 'pg';
import { SERVICES } from '#contracts/envelope';
import { serviceSchema } from '#libs/event-store';
import type { Cluster } from '../../services/all-in-one/src/cluster/start-cluster';

type Row = Record<string, unknown>;

/** The database of a site by SQL and as its superuser: what is checked is what stands there, not what an API says of it. */
export class Ledger {
  constructor(private readonly cluster: Pick<Cluster, 'database'>) {}

  /** A connection each: the server may have been killed a moment ago. */
  async query<T extends object>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    const client = new Client({ connectionString: this.cluster.database?.server.url('countersign') });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<T & Row>(text, [...values]);
      return rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async count(text: string, values: readonly unknown[] = []): Promise<number> {
    const [row] = await this.query<{ count: string }>(text, values);
    return Number(row?.count ?? NaN);
  }

  /** The jobs and deadlines of all services, for `select ... from (<this>) job`. */
  static readonly jobs = SERVICES.map(
    (service) =>
      `select '${service}' as service, id, kind, status, due_at, created_at, finished_at, attempt, last_error, payload
       from ${serviceSchema(service)}.job`,
  ).join(' union all ');
}
