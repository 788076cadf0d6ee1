import type { ClientBase } from 'pg';
import { toDomainError } from './database-errors';
import type { LoadedSnapshots, Snapshot, SnapshotKind, Snapshots } from './snapshots';
import type { StreamHead } from './port';

/** The service's database, as its role: rows come as objects. */
interface Queryable {
  query<Rows>(text: string, values?: unknown[]): Promise<Rows>;
}

export interface PostgresSnapshotsOptions {
  readonly database: Queryable;
  /** The service's schema, `svc_<service>`. */
  readonly schema: string;
  readonly onTrouble: (error: unknown) => void;
  readonly every?: number;
}

/** Of a database that did not say its generation: no saved state is of it. */
const UNKNOWN = '0';

/**
 * The tables of one service's schema. Run by `countersign migrate` as the owner: idempotent. The states are unlogged:
 * they come into no write-ahead log, and so into no archive that personal data could not be erased from, and are gone
 * after a crash of the server.
 */
export async function migrateSnapshots(client: ClientBase, schema: string): Promise<void> {
  await client.query(`
    create unlogged table if not exists "${schema}".snapshot (
      category text not null,
      stream text not null,
      decider text not null,
      state_version integer not null,
      version integer not null,
      hash text not null,
      state json not null,
      saved_at timestamptz not null default clock_timestamp(),
      primary key (category, stream, decider)
    );
    create table if not exists "${schema}".snapshot_generation (
      single boolean primary key default true check (single),
      generation bigint not null
    );
    insert into "${schema}".snapshot_generation (generation) values (1) on conflict do nothing`);
}

/** Snapshots in the schema of one service. */
export function createPostgresSnapshots(options: PostgresSnapshotsOptions): Snapshots {
  return new PostgresSnapshots(options);
}

class PostgresSnapshots implements Snapshots {
  readonly every: number;
  private readonly table: string;
  private readonly generations: string;

  constructor(private readonly options: PostgresSnapshotsOptions) {
    this.every = options.every ?? 200;
    this.table = `"${options.schema}".snapshot`;
    this.generations = `"${options.schema}".snapshot_generation`;
  }

  async load({ category, name, stateVersion }: SnapshotKind, streams: readonly string[]): Promise<LoadedSnapshots> {
    const rows = await this.attempt<(Snapshot & { stream: string | null; generation: string })[]>(
      `select g.generation::text as generation, s.stream, s.version, s.hash, s.state from ${this.generations} g
         left join ${this.table} s
           on s.category = $1 and s.decider = $2 and s.state_version = $3 and s.stream = any($4::text[])`,
      [category, name, stateVersion, streams],
    );
    const byStream = new Map<string, Snapshot>();
    for (const { stream, version, hash, state } of rows ?? []) {
      if (stream !== null) byStream.set(stream, { version, hash, state });
    }
    return { generation: rows?.[0]?.generation ?? UNKNOWN, byStream };
  }

  async save(kind: SnapshotKind, generation: string, snapshots: ReadonlyMap<string, Snapshot>): Promise<void> {
    if (snapshots.size === 0 || generation === UNKNOWN) return;
    const { category, name, stateVersion } = kind;
    // In one order, or two instances that keep the same streams would deadlock.
    const rows = [...snapshots].sort(([a], [b]) => (a < b ? -1 : 1));
    // The lock lets a drop wait for this statement, and this statement see a drop that it has waited for.
    await this.attempt(
      `insert into ${this.table} as kept (category, stream, decider, state_version, version, hash, state)
       select $1, s.stream, $2, $3, s.version, s.hash, s.state::json
         from (select from ${this.generations} where generation = $4::bigint for share) g
         cross join unnest($5::text[], $6::integer[], $7::text[], $8::text[]) as s (stream, version, hash, state)
       on conflict (category, stream, decider) do update
         set state_version = excluded.state_version, version = excluded.version, hash = excluded.hash,
             state = excluded.state, saved_at = clock_timestamp()
         where kept.state_version <> excluded.state_version or kept.version < excluded.version`,
      [
        ...[category, name, stateVersion, generation],
        rows.map(([stream]) => stream),
        rows.map(([, { version }]) => version),
        rows.map(([, { hash }]) => hash),
        rows.map(([, { state }]) => JSON.stringify(state)),
      ],
    );
  }

  async discard({ category, name }: SnapshotKind, streams: ReadonlyMap<string, StreamHead>): Promise<void> {
    const rows = [...streams];
    await this.attempt(
      `delete from ${this.table} kept
        using unnest($3::text[], $4::integer[], $5::text[]) as wrong (stream, version, hash)
        where category = $1 and decider = $2 and kept.stream = wrong.stream and kept.version = wrong.version
          and kept.hash = wrong.hash`,
      [
        ...[category, name],
        rows.map(([stream]) => stream),
        rows.map(([, { version }]) => version),
        rows.map(([, { hash }]) => hash),
      ],
    );
  }

  async dropAll(): Promise<void> {
    const { database } = this.options;
    try {
      // Two statements: the second has to see what was saved while the first waited.
      await database.query(`update ${this.generations} set generation = generation + 1`);
      await database.query(`delete from ${this.table}`);
    } catch (error) {
      throw toDomainError(error);
    }
  }

  private async attempt<Rows>(text: string, values: unknown[]): Promise<Rows | undefined> {
    try {
      return await this.options.database.query<Rows>(text, values);
    } catch (error) {
      this.options.onTrouble(error);
      return undefined;
    }
  }
}
