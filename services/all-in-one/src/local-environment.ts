import type { ServiceName } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { adopt, type DataFolder, dataFolder, type LocalDatabase, migrate, startLocalDatabase } from '#libs/local';
import { type Environment, type Profile, PROFILES, type ServiceDefinition, variablePrefix } from '#libs/service';

export interface LaunchOptions {
  /** COUNTERSIGN_DATA; `.countersign` of the working folder by default. */
  readonly dataDir?: string;
  /** COUNTERSIGN_PROFILE; production by default, as for every service. */
  readonly profile?: Profile;
  /** Instead of the process's own environment. */
  readonly env?: Environment;
  /** Nothing on the terminal; the log is in the data folder. */
  readonly quiet?: boolean;
  /** `free`: ports that nobody uses, instead of 8080 to 8087. `<SERVICE>_PORT` comes first in both cases. */
  readonly ports?: 'standard' | 'free';
  /** Told in a few words what takes time: at the first start that is the database. */
  readonly progress?: (message: string) => void;
}

/** What a launch has settled on, from its options and the environment. */
export interface Launch {
  readonly folder: DataFolder;
  readonly profile: Profile;
  readonly environment: Environment;
  readonly progress: (message: string) => void;
}

export function settle(options: LaunchOptions): Launch {
  const environment = options.env ?? process.env;
  const profile = options.profile ?? (environment.COUNTERSIGN_PROFILE || 'production');
  if (!isProfile(profile)) {
    throw new DomainError('invalid_configuration', {
      field: 'COUNTERSIGN_PROFILE',
      reason: `must be one of ${PROFILES.join(', ')}; '${profile}' is not`,
    });
  }
  const folder = dataFolder(options.dataDir ?? (environment.COUNTERSIGN_DATA || '.countersign'));
  return { folder, profile, environment, progress: options.progress ?? (() => undefined) };
}

/** The database by URL, or the embedded one; migrated, and adopted when its ledger comes from another server. */
export interface LaunchedDatabase {
  /** LEDGER_URL for a service. */
  urlFor(service: ServiceName): string;
  /** Only when it is ours. */
  readonly local?: LocalDatabase;
}

/**
 * LEDGER_URL names a database that is there already: it is migrated only when MIGRATION_URL is given too (and else a
 * service refuses a ledger that was restored and not adopted). Without
 * LEDGER_URL the embedded PostgreSQL of the data folder is started, adopted if need be, and migrated.
 * @param logins `app`: one login that does SET ROLE for each service; `services`: a login for each.
 */
export async function launchDatabase(
  { folder, profile, environment, progress }: Launch,
  definitions: readonly ServiceDefinition[],
  logins: 'app' | 'services',
  report: (message: string) => void,
): Promise<LaunchedDatabase> {
  const { LEDGER_URL: ledgerUrl, MIGRATION_URL: migrationUrl } = environment;
  const keysFolder = profile === 'production' ? undefined : environment.COUNTERSIGN_KEYS_DIR || folder.keys;
  if (ledgerUrl) {
    if (migrationUrl) {
      progress('migrating the database');
      const databaseUrls = ownersUrls(definitions, environment);
      await migrate({ url: migrationUrl, services: definitions, databaseUrls, keysFolder });
      await adoptWhatWasRestored(migrationUrl, progress, report);
    }
    return { urlFor: () => ledgerUrl };
  }
  if (migrationUrl) {
    throw new DomainError('invalid_configuration', {
      field: 'LEDGER_URL',
      reason: "is required with MIGRATION_URL: the services do not log in as the ledger's owner",
    });
  }
  progress('starting PostgreSQL');
  const local = await startLocalDatabase(folder, report);
  try {
    progress('migrating the database');
    const { app, services, archivist } = local.passwords;
    const passwords = { archivist, ...(logins === 'app' ? { app } : { services }) };
    await migrate({ url: local.migrationUrl, services: definitions, passwords, keysFolder });
    await adoptWhatWasRestored(local.migrationUrl, progress, report);
  } catch (error) {
    await local.stop();
    throw error;
  }
  return { local, urlFor: (service) => (logins === 'app' ? local.appUrl : local.urlFor(service)) };
}

/** Who starts a restored data folder by one command is not asked for another. */
async function adoptWhatWasRestored(
  url: string,
  progress: (message: string) => void,
  report: (message: string) => void,
): Promise<void> {
  const { raisedBy } = await adopt({ url });
  if (raisedBy === '0') return;
  const message = `the ledger comes from another server and is adopted: transaction ids raised by ${raisedBy}`;
  progress(message);
  report(message);
}

/** `<SERVICE>_MIGRATION_URL`: the owner's login where a service's schema lies in a database of its own. */
function ownersUrls(
  definitions: readonly ServiceDefinition[],
  environment: Environment,
): Partial<Record<ServiceName, string>> {
  const entries = definitions.flatMap(({ name }) => {
    const url = environment[`${variablePrefix(name)}_MIGRATION_URL`];
    return url ? [[name, url] as const] : [];
  });
  return Object.fromEntries(entries);
}

function isProfile(name: string): name is Profile {
  return PROFILES.some((profile) => profile === name);
}
