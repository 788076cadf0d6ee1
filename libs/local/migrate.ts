import { Client } from 'pg';
import { DataSource } from 'typeorm';
import type { ServiceName } from '#contracts/envelope';
import { migrateBus } from '#libs/bus';
import {
  asOwner,
  ensureServiceRoles,
  ensureServiceSchemas,
  migrateLedger,
  migrateSnapshots,
  OWNER_ROLE,
  type RolePasswords,
  serviceSchema,
  underMigrationLock,
} from '#libs/event-store';
import { migrateJobs } from '#libs/jobs';
import { migrateReadModel } from '#libs/read-model';
import type { ServiceDefinition } from '#libs/service';
import { createKeyMaterial } from '#libs/warrant';
import { connected } from './connected';

export interface MigrateOptions {
  /** MIGRATION_URL: the owner's login on the ledger's database. */
  readonly url: string;
  /** The services whose schemas are brought up to date. */
  readonly services: readonly Pick<ServiceDefinition, 'name' | 'migrations'>[];
  /** The owner's login where a service's schema lies in a database of its own; `url` for all others. */
  readonly databaseUrls?: Partial<Record<ServiceName, string>>;
  /** Logins to give to the roles, for whoever runs Countersign on a server of its own. */
  readonly passwords?: RolePasswords;
  /** Where the root key and the signing keys are made if they are missing: demo and development profiles only. */
  readonly keysFolder?: string;
}

export interface Migrated {
  /** What this call has changed, by part: the ledger's steps and each service's migrations. Empty when up to date. */
  readonly applied: readonly { readonly part: 'ledger' | ServiceName; readonly name: string }[];
}

/**
 * The only place that runs DDL: brings roles, ledger, bus, and every service's schema to this release, under an advisory
 * lock. Safe to call again, and by several processes at once.
 * @throws DomainError('database_unavailable') or ('invalid_configuration'), which names the setting.
 */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const applied: { part: 'ledger' | ServiceName; name: string }[] = [];
  await connected(options.url, 'MIGRATION_URL', (client) =>
    underMigrationLock(client, async () => {
      const ledger = await migrateLedger(client, options.passwords);
      applied.push(...ledger.applied.map((name) => ({ part: 'ledger' as const, name })));
      await asOwner(client, () => migrateBus(client));
    }),
  );
  for (const service of options.services) {
    const url = options.databaseUrls?.[service.name] ?? options.url;
    const variable = url === options.url ? 'MIGRATION_URL' : `the migration URL of ${service.name}`;
    await connected(url, variable, (client) =>
      underMigrationLock(client, async () => {
        if (url !== options.url) await prepareOtherDatabase(client, service.name, options.passwords);
        const names = await migrateService(client, url, service);
        applied.push(...names.map((name) => ({ part: service.name, name })));
      }),
    );
  }
  if (options.keysFolder !== undefined) await createKeyMaterial(options.keysFolder, new Date());
  return { applied };
}

async function prepareOtherDatabase(client: Client, service: ServiceName, passwords?: RolePasswords): Promise<void> {
  await ensureServiceRoles(client, passwords);
  await asOwner(client, () => ensureServiceSchemas(client, [service]));
}

/** The tables that every service has, then its own migrations, recorded in its own schema. */
async function migrateService(
  client: Client,
  url: string,
  { name, migrations }: Pick<ServiceDefinition, 'name' | 'migrations'>,
): Promise<string[]> {
  const schema = serviceSchema(name);
  await asOwner(client, async () => {
    await migrateReadModel(client, schema);
    await migrateJobs(client, schema);
    await migrateSnapshots(client, schema);
  });
  if (migrations.length === 0) return [];
  const database = new DataSource({
    type: 'postgres',
    url,
    schema,
    migrations: [...migrations],
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    applicationName: 'countersign migrate',
    // A migration's own SQL may leave the schema out.
    extra: { options: `-c role=${OWNER_ROLE} -c search_path=${schema}`, max: 1 },
  });
  await database.initialize();
  try {
    return (await database.runMigrations()).map((migration) => migration.name);
  } finally {
    await database.destroy();
  }
}
