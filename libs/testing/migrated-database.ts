import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICES } from '#contracts/envelope';
import { migrate, repositoryRoot } from '#libs/local';
import type { ServiceDefinition } from '#libs/service';
import { type DatabaseTemplate, type TestPostgres, usePostgres } from './postgres';

type Migratable = Pick<ServiceDefinition, 'name' | 'migrations'>;

/**
 * A database as `countersign migrate` leaves it: ledger, bus, every service's schema with jobs and checkpoints, and
 * the tables of `services`. `const postgres = useMigratedPostgres(caseService)`.
 */
export function useMigratedPostgres(...services: readonly Migratable[]): TestPostgres {
  return usePostgres(migrated(services));
}

/** The template's key changes with any source that a migration can depend on; migrating again takes a second. */
function migrated(services: readonly Migratable[]): DatabaseTemplate {
  const folders = [
    ...['event-store', 'bus', 'jobs', 'read-model', 'local'].map((lib) => join('libs', lib)),
    ...services.map(({ name }) => join('services', name, 'src')),
  ];
  const contracts = ['envelope.ts', 'topics.ts'].map((file) => join(repositoryRoot, 'contracts', file));
  const hash = createHash('sha256');
  for (const path of [...contracts, ...folders.flatMap((folder) => sources(join(repositoryRoot, folder)))])
    hash.update(readFileSync(path));
  return {
    key: hash.digest('hex'),
    prepare: async ({ ownerUrl }) => {
      const known = new Map(services.map((service) => [service.name, service]));
      await migrate({
        url: ownerUrl,
        services: SERVICES.map((name) => known.get(name) ?? { name, migrations: [] }),
      });
    },
  };
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.spec.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
