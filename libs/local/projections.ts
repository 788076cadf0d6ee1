import { type Client, Pool } from 'pg';
import type { ServiceName } from '#contracts/envelope';
import { ArchiveFolder } from '#libs/archive';
import {
  asOwner,
  createPostgresEventStore,
  interpreting,
  OWNER_ROLE,
  serviceSchema,
  upcasting,
} from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { asRead, PersonalData, PersonalKeys } from '#libs/personal-data';
import {
  NO_JOBS,
  type Projection,
  projectionStatus,
  type ProjectionStatus,
  rebuildProjection,
  type RebuildProgress,
  type RebuildReport,
} from '#libs/read-model';
import type { ServiceDefinition } from '#libs/service';
import { connected } from './connected';

/** What is needed of a service to find, and to run, its projections. */
export type ProjectingService = Pick<ServiceDefinition, 'name' | 'projections'>;

export interface ProjectionDatabases {
  /** MIGRATION_URL: the owner's login on the ledger's database. */
  readonly url: string;
  /** The owner's login where a service's schema lies in a database of its own; `url` for all others. */
  readonly databaseUrls?: Partial<Record<ServiceName, string>>;
  /** The folder with what was archived of the ledger. */
  readonly archiveFolder?: string;
}

export interface RebuildReadModelOptions extends ProjectionDatabases {
  readonly service: ProjectingService;
  /** One of the service's projections. */
  readonly projection: string;
  /** COUNTERSIGN_PERSONAL_KEYS_FILE; undefined for a ledger in which nothing is sealed. */
  readonly personalKeysFile: string | undefined;
  /** Compare only. */
  readonly dryRun?: boolean;
  /** Events applied in one transaction, at most; 500 by default. */
  readonly batch?: number;
  readonly onProgress?: (progress: RebuildProgress) => void;
}

export type ServiceProjectionStatus = ProjectionStatus & { readonly service: ServiceName };

/** The names of a service's projections that keep rows: those that can be rebuilt. */
export const rebuildable = (service: ProjectingService): string[] =>
  projectionsOf(service)
    .filter(({ entities }) => entities.length > 0)
    .map(({ name }) => name);

/**
 * How far every read model is.
 * @throws DomainError('database_unavailable') or ('invalid_configuration'), which names the setting.
 */
export async function listProjections(
  databases: ProjectionDatabases,
  services: readonly ProjectingService[],
): Promise<ServiceProjectionStatus[]> {
  const statuses: ServiceProjectionStatus[] = [];
  await connected(databases.url, 'MIGRATION_URL', (ledger) =>
    asOwner(ledger, async () => {
      for (const service of services) {
        const projections = projectionsOf(service);
        if (projections.length === 0) continue;
        const schema = serviceSchema(service.name);
        await onDatabaseOf(service.name, databases, async (client) => {
          await demandMigrated(client, schema);
          const found = await projectionStatus(client, ledger, schema, projections);
          statuses.push(...found.map((status) => ({ service: service.name, ...status })));
        });
      }
    }),
  );
  return statuses;
}

/**
 * Rebuilds one read model while its service goes on: see `rebuildProjection`. With the owner's login, since tables are
 * made and replaced.
 * @throws DomainError('not_found') for a projection that the service has not or that keeps no rows, and what
 * `rebuildProjection` throws.
 */
export async function rebuildReadModel(options: RebuildReadModelOptions): Promise<RebuildReport> {
  const { service, projection: name, url, databaseUrls, personalKeysFile, archiveFolder, ...more } = options;
  const projection = projectionsOf(service).find((candidate) => candidate.name === name);
  if (!projection || projection.entities.length === 0) {
    const known = rebuildable(service).join(', ') || 'none';
    throw new DomainError('not_found', {
      field: name,
      reason: `is not a read model of ${service.name} that keeps rows; it has: ${known}`,
    });
  }
  const schema = serviceSchema(service.name);
  await onDatabaseOf(service.name, options, (client) => demandMigrated(client, schema));
  const ledger = new Pool({
    connectionString: url,
    application_name: 'countersign rebuild',
    options: `-c role=${OWNER_ROLE} -c jit=off`,
    max: 2,
  });
  // A connection that dies while idle would end the process; the query that needs it tells.
  ledger.on('error', () => undefined);
  const keys = personalKeysFile === undefined ? undefined : PersonalKeys.open(personalKeysFile, false);
  const archive = archiveFolder === undefined ? undefined : new ArchiveFolder(archiveFolder);
  const stored = createPostgresEventStore({ pool: ledger, archive });
  const store = keys ? interpreting(stored, asRead(new PersonalData(() => keys.ring()))) : upcasting(stored);
  try {
    const own = databaseUrls?.[service.name] ?? url;
    return await rebuildProjection({ ...more, url: own, schema, projection, store, ledger });
  } finally {
    keys?.close();
    await store.close();
    await ledger.end();
  }
}

const projectionsOf = (service: ProjectingService): readonly Projection[] => service.projections({ jobs: NO_JOBS });

function onDatabaseOf<T>(
  service: ServiceName,
  { url, databaseUrls }: ProjectionDatabases,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const own = databaseUrls?.[service];
  const variable = own === undefined ? 'MIGRATION_URL' : `the migration URL of ${service}`;
  return connected(own ?? url, variable, (client) => asOwner(client, () => work(client)));
}

async function demandMigrated(client: Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(
    `select to_regclass($1) is not null and to_regclass($2) is not null as there`,
    [`"${schema}".projection_checkpoint`, `"${schema}".projection_rebuild`],
  );
  if (rows[0]?.there) return;
  throw new DomainError('invalid_configuration', {
    field: 'MIGRATION_URL',
    reason: `the schema ${schema} is not of this release there: run 'countersign migrate' first`,
  });
}
