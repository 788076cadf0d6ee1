import { setTimeout as wait } from 'node:timers/promises';
import { Client, Pool } from 'pg';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import type { ServiceName } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { demandAdoptedLedger, serviceRole, serviceSchema } from '#libs/event-store';
import { invalidConfiguration, variablePrefix, type ServiceSettings } from './config';
import type { ServiceDefinition } from './service-definition';

/** Small on purpose: eight services in one process share one embedded PostgreSQL of 100 connections. */
const LEDGER_CONNECTIONS = 4;
const READ_MODEL_CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** When even the timeout of the statement does not come back. */
const QUERY_TIMEOUT_MS = 35_000;
/** An open write transaction holds every reader of the ledger back. */
const IDLE_IN_TRANSACTION_MS = 5_000;
/** How long a service waits at its start for a database that is still coming up. */
const START_PATIENCE_MS = 15_000;

/** Every connection of a service acts as its role, whoever it logged in as. */
function connectionOptions(service: ServiceName, url: string) {
  return {
    connectionString: url,
    application_name: `countersign ${service}`,
    options: `-c role=${serviceRole(service)} -c jit=off`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    // A log-in costs either side many milliseconds: a connection stays for what comes again in a while.
    idleTimeoutMillis: 60_000,
  };
}

/**
 * The pool of the event store and the bus, whose connections refuse a ledger that was restored and not adopted. The
 * caller ends it.
 */
export function openLedgerPool(service: ServiceName, url: string, logger: Logger): Pool {
  const pool = new Pool({
    ...connectionOptions(service, url),
    max: LEDGER_CONNECTIONS,
    verify: (client, done) => void demandAdoptedLedger(client).then(() => done(), done),
  });
  pool.on('error', (error) => logger.warn({ err: error }, 'an idle connection to the ledger was lost'));
  return pool;
}

/** TypeORM on the service's schema. Nothing but `countersign migrate` changes tables: `synchronize` is off. */
export async function openReadModels(
  definition: Pick<ServiceDefinition, 'name' | 'entities'>,
  url: string,
  logger: Logger,
): Promise<DataSource> {
  const { connectionString, connectionTimeoutMillis, application_name, ...extra } = connectionOptions(
    definition.name,
    url,
  );
  const database = new DataSource({
    type: 'postgres',
    url: connectionString,
    schema: serviceSchema(definition.name),
    entities: [...definition.entities],
    synchronize: false,
    migrationsRun: false,
    logging: false,
    applicationName: application_name,
    connectTimeoutMS: connectionTimeoutMillis,
    poolErrorHandler: (error: unknown) => logger.warn({ err: error }, 'an idle connection to the read models was lost'),
    extra: { ...extra, max: READ_MODEL_CONNECTIONS },
  });
  return database.initialize();
}

/**
 * Waits until the database answers and looks at who we are there. Throws DomainError: `database_unavailable` when it
 * does not come up, `invalid_configuration` when the login is wrong for the role or for the production profile.
 */
export async function demandDatabase(service: ServiceName, settings: ServiceSettings, logger: Logger): Promise<void> {
  const urls = new Map([[settings.ledgerUrl, 'LEDGER_URL']]);
  if (!urls.has(settings.databaseUrl)) urls.set(settings.databaseUrl, `${variablePrefix(service)}_DATABASE_URL`);
  for (const [url, variable] of urls) await demandOne(service, url, variable, settings, logger);
}

async function demandOne(
  service: ServiceName,
  url: string,
  variable: string,
  { profile }: ServiceSettings,
  logger: Logger,
): Promise<void> {
  const until = Date.now() + START_PATIENCE_MS;
  for (;;) {
    try {
      const isSuperuser = await looksLikeSuperuser(service, url);
      if (profile === 'production' && isSuperuser) {
        throw invalidConfiguration([
          { field: variable, reason: 'logs in as a database superuser: the production profile refuses that' },
        ]);
      }
      return;
    } catch (error) {
      const trouble = connectionTrouble(error, service, variable);
      if (trouble.code !== 'database_unavailable' || Date.now() >= until) throw trouble;
      logger.warn({ reason: trouble.reason }, 'waiting for the database');
      await wait(500);
    }
  }
}

async function looksLikeSuperuser(service: ServiceName, url: string): Promise<boolean> {
  const client = new Client(connectionOptions(service, url));
  // A connection that breaks off rejects the query; as an event without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ rolsuper: boolean }>(
      'select rolsuper from pg_roles where rolname = session_user',
    );
    return rows[0]?.rolsuper ?? false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function connectionTrouble(error: unknown, service: ServiceName, variable: string): DomainError {
  if (error instanceof DomainError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  const role = serviceRole(service);
  const mistake = (reason: string) => invalidConfiguration([{ field: variable, reason }]);
  // PostgreSQL, appendix A.
  if (code === '22023' || code === '42704') {
    return mistake(`names a database without the role ${role}: run 'countersign migrate' first (${message})`);
  }
  if (code === '42501') return mistake(`logs in as somebody who may not act as ${role} (${message})`);
  if (code.startsWith('28')) return mistake(`is refused by the database: ${message}`);
  if (code === '3D000') return mistake(`names a database that does not exist: run 'countersign migrate' (${message})`);
  return new DomainError('database_unavailable', {
    field: variable,
    reason: `The database cannot be reached: ${message || code}`,
    cause: error,
  });
}
