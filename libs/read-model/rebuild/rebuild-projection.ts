import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { countEvents, OWNER_ROLE, type EventStore } from '#libs/event-store';
import { CheckpointTable, type Checkpoint } from '../checkpoint';
import type { Projection } from '../projection';
import { compareTables, type TableDifference } from './compare-tables';
import { ProgressMeter, type RebuildProgress } from './progress';
import { recordRebuild, type RebuildReport } from './rebuild-record';
import { replaceTables } from './replace-tables';
import { ShadowFollower } from './shadow-follower';
import { dropShadowSchema, shadowSchema, underRebuildLock } from './shadow-schema';
import { copyStatements, readShape, type TableShape } from './table-shape';

export interface RebuildOptions {
  /** A login that may act as the owner, on the database of the service's schema. A service's role may run no DDL. */
  readonly url: string;
  /** `svc_<service>` */
  readonly schema: string;
  /** Its jobs must do nothing: the live read model has scheduled them (`NO_JOBS`). */
  readonly projection: Projection;
  /** Events in the versions that this release writes, as the service itself reads them. */
  readonly store: EventStore;
  /** The ledger's database, to count events. */
  readonly ledger: Pool;
  /** Compare only: the live tables stay. */
  readonly dryRun?: boolean;
  /** Events applied in one transaction, at most. */
  readonly batch?: number;
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/** For projections that a rebuild leads: what they would schedule or cancel is done, by the live ones. */
export const NO_JOBS = { schedule: () => Promise.resolve(), cancel: () => Promise.resolve() };

/**
 * Rebuilds a read model from the first event on while the service goes on serving and following: in shadow tables, in
 * short transactions, up to where the live one is; compares the two; and puts the one in the other's place. A kill at
 * any moment leaves either the old tables or the new ones, whole.
 * @throws DomainError('service_unavailable') when another rebuild is under way or the tables stay in use,
 * ('stream_conflict') when they were changed underneath, ('invalid_configuration') for tables that cannot be replaced.
 */
export async function rebuildProjection(options: RebuildOptions): Promise<RebuildReport> {
  const database = await open(options);
  try {
    return await underRebuildLock(database, options.schema, () => new Rebuild(options, database).run());
  } finally {
    await database.destroy();
  }
}

/** Nothing of the shadow has to survive a crash: only the transaction that replaces the tables waits for the disk. */
function open({ url, schema, projection }: RebuildOptions): Promise<DataSource> {
  return new DataSource({
    type: 'postgres',
    url,
    schema: shadowSchema(schema),
    entities: [...projection.entities],
    synchronize: false,
    applicationName: 'countersign rebuild',
    extra: {
      options: `-c role=${OWNER_ROLE} -c search_path=pg_catalog -c jit=off -c synchronous_commit=off`,
      max: 4,
    },
  }).initialize();
}

class Rebuild {
  private readonly shapes = new Map<string, TableShape>();
  private readonly live: CheckpointTable;
  private readonly shadow: ShadowFollower;
  private readonly batch: number;
  private readonly meter: ProgressMeter;

  constructor(
    private readonly options: RebuildOptions,
    private readonly database: DataSource,
  ) {
    const { schema, projection, store, onProgress } = options;
    this.batch = options.batch ?? 500;
    this.live = new CheckpointTable(schema);
    this.shadow = new ShadowFollower(store, database, projection, schema, this.batch);
    this.meter = new ProgressMeter(projection.name, onProgress ?? (() => undefined));
  }

  async run(): Promise<RebuildReport> {
    const { schema, projection, dryRun = false } = this.options;
    await dropShadowSchema(this.database, schema);
    try {
      await this.makeShadow();
      await this.catchUp();
      for (const table of this.shapes.keys()) {
        await this.database.query(`analyze "${shadowSchema(schema)}"."${table}"`);
      }
      this.meter.enter('comparing');
      const { comparedAt, tables } = await this.compare();
      const isReplaced = !dryRun && tables.length > 0;
      const report = (lastEvents: number): RebuildReport => ({
        projection: projection.name,
        outcome: isReplaced ? 'replaced' : 'compared',
        equal: tables.every(({ digest }) => digest.before === digest.after),
        comparedAt,
        events: this.meter.events + lastEvents,
        seconds: Math.round(this.meter.seconds * 1000) / 1000,
        tables,
      });
      if (isReplaced) return await this.replace(report);
      const compared = report(0);
      await recordRebuild(this.database, schema, compared);
      return compared;
    } finally {
      // When the database is away, the next migration or rebuild removes it.
      await dropShadowSchema(this.database, schema).catch(() => undefined);
    }
  }

  private async makeShadow(): Promise<void> {
    const { schema, projection } = this.options;
    const shadow = shadowSchema(schema);
    const checkpoint = `"projection_checkpoint" (like "${schema}".projection_checkpoint including all)`;
    await this.database.transaction(async (tx) => {
      await tx.query(`create schema "${shadow}"`);
      await tx.query(`create table "${shadow}".${checkpoint}`);
      for (const entity of projection.entities) {
        const table = this.database.getMetadata(entity).tableName;
        const shape = await readShape(tx, schema, table);
        for (const statement of copyStatements(shape, schema, shadow, table)) await tx.query(statement);
        this.shapes.set(table, shape);
      }
    });
  }

  /** To less than a batch behind the live tables, which go on meanwhile. */
  private readonly catchUp = async (): Promise<void> => {
    for (;;) {
      const target = await this.live.load(this.database, this.options.projection.name);
      const ahead = await this.countUpTo(target);
      this.meter.expect(ahead);
      await this.shadow.follow(target, this.meter.add);
      if (ahead <= this.batch) return;
    }
  };

  private countUpTo(target: Checkpoint): Promise<number> {
    if (target.cursor === undefined || this.shadow.isAt(target)) return Promise.resolve(0);
    const { ledger, projection } = this.options;
    return countEvents(ledger, projection.categories, this.shadow.checkpoint.cursor, target.cursor);
  }

  /**
   * The live tables as of one moment, with the shadow led to the checkpoint of that moment. The transactions that see
   * them only read: they have no transaction id, and so hold no reader of the ledger back, however long they take.
   */
  private async compare(): Promise<{ comparedAt: string | null; tables: TableDifference[] }> {
    const { schema, projection } = this.options;
    return this.reading((liveRunner) =>
      this.reading(async (shadowRunner) => {
        const at = await this.live.load(liveRunner, projection.name);
        await this.shadow.follow(at, this.meter.add);
        const before = { runner: liveRunner, schema };
        const after = { runner: shadowRunner, schema: shadowSchema(schema) };
        const tables: TableDifference[] = [];
        for (const [table, shape] of this.shapes) tables.push(await compareTables(table, shape, before, after));
        return { comparedAt: at.cursor ?? null, tables };
      }),
    );
  }

  private async reading<T>(work: (runner: ReturnType<DataSource['createQueryRunner']>) => Promise<T>): Promise<T> {
    const runner = this.database.createQueryRunner();
    try {
      await runner.startTransaction('REPEATABLE READ');
      await runner.query('set transaction read only');
      await runner.query('set local idle_in_transaction_session_timeout = 0');
      return await work(runner);
    } finally {
      if (runner.isTransactionActive) await runner.rollbackTransaction();
      await runner.release();
    }
  }

  private replace(report: (lastEvents: number) => RebuildReport): Promise<RebuildReport> {
    const { schema, projection } = this.options;
    const { database, shapes, shadow, catchUp } = this;
    return replaceTables(
      { database, schema, projection: projection.name, shapes, shadow, catchUp, report },
      this.meter,
    );
  }
}
