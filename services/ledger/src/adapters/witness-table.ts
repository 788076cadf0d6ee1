import type { DataSource } from 'typeorm';

/** How far one witness is. */
export interface WitnessProgress {
  readonly name: string;
  /** The last checkpoint that it has taken. */
  readonly sequence: number | null;
  /** RFC 3339. */
  readonly deliveredAt: string | null;
  /** Why the last attempt failed. */
  readonly failure: string | null;
}

/** What the witnesses have taken. */
export class WitnessTable {
  constructor(private readonly database: DataSource) {}

  async all(): Promise<WitnessProgress[]> {
    const rows: { name: string; sequence: string | null; delivered_at: Date | null; failure: string | null }[] =
      await this.database.query('select name, sequence, delivered_at, failure from svc_ledger.witness');
    return rows.map(({ name, sequence, delivered_at, failure }) => ({
      name,
      sequence: sequence === null ? null : Number(sequence),
      deliveredAt: delivered_at?.toISOString() ?? null,
      failure,
    }));
  }

  async delivered(name: string, sequence: number): Promise<void> {
    await this.database.query(
      `insert into svc_ledger.witness as kept (name, sequence, delivered_at) values ($1, $2, clock_timestamp())
       on conflict (name) do update set sequence = greatest(kept.sequence, excluded.sequence),
         delivered_at = excluded.delivered_at, failure = null`,
      [name, sequence],
    );
  }

  async failed(name: string, reason: string): Promise<void> {
    await this.database.query(
      `insert into svc_ledger.witness (name, failure) values ($1, $2)
       on conflict (name) do update set failure = excluded.failure`,
      [name, reason.replaceAll('\0', '').slice(0, 2000)],
    );
  }
}
