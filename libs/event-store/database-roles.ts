import type { Client } from 'pg';
import { type ServiceName, SERVICES } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';

/** Owns the schema `ledger` and each service's schema. Only `countersign migrate` logs in as it. */
export const OWNER_ROLE = 'countersign_owner';
/** What all-in-one logs in as: a member of every service's role that inherits none, and does SET ROLE on a connection. */
export const APP_ROLE = 'countersign_app';

/** Reads the ledger, and drops what is archived of it by the owner's functions. Of no service: `countersign archive` logs in as it. */
export const ARCHIVIST_ROLE = 'countersign_archivist';

export const serviceRole = (service: ServiceName): string => `countersign_${service.replaceAll('-', '_')}`;
/** Holds a service's read models, jobs and deadlines. */
export const serviceSchema = (service: ServiceName): string => `svc_${service.replaceAll('-', '_')}`;

export interface RolePasswords {
  /** Gives `countersign_app` a login. */
  readonly app?: string;
  /** Gives `countersign_archivist` a login. */
  readonly archivist?: string;
  /** Gives these services' roles a login of their own, as the cluster mode wants it. */
  readonly services?: Partial<Record<ServiceName, string>>;
}

/**
 * Makes the roles that are missing and sets the passwords given. Roles belong to the whole server, not to a database.
 * @param client logged in as a superuser, or as an owner with CREATEROLE.
 * @throws DomainError('invalid_configuration') naming the roles that are missing when the login may not create them.
 */
export async function ensureServiceRoles(client: Client, passwords: RolePasswords = {}): Promise<void> {
  const wanted = [...SERVICES.map(serviceRole), APP_ROLE, ARCHIVIST_ROLE];
  const { rows } = await client.query<{ rolname: string }>('select rolname from pg_roles where rolname = any($1)', [
    wanted,
  ]);
  const present = new Set(rows.map((row) => row.rolname));
  const missing = wanted.filter((role) => !present.has(role));
  if (missing.length > 0) await assertMayCreateRoles(client, missing);
  for (const role of missing) await createRole(client, role, role === APP_ROLE ? 'noinherit' : 'inherit');
  const membership = await membershipOptions(client);
  for (const role of SERVICES.map(serviceRole)) {
    const member = await client.query<{ yes: boolean }>(
      `select exists (select from pg_auth_members where roleid = $1::regrole and member = $2::regrole) as yes`,
      [role, APP_ROLE],
    );
    if (!member.rows[0]?.yes) await client.query(`grant ${role} to ${APP_ROLE} ${membership}`);
  }
  if (passwords.app !== undefined) await setPassword(client, APP_ROLE, passwords.app);
  if (passwords.archivist !== undefined) await setPassword(client, ARCHIVIST_ROLE, passwords.archivist);
  for (const service of SERVICES) {
    const password = passwords.services?.[service];
    if (password !== undefined) await setPassword(client, serviceRole(service), password);
  }
}

/**
 * What the administrator of a server of our own does once: the owner's login and its database.
 * @param client logged in as a superuser.
 */
export async function ensureOwnerAndDatabase(client: Client, database: string, ownerPassword: string): Promise<void> {
  const owner = await client.query('select from pg_roles where rolname = $1', [OWNER_ROLE]);
  if (owner.rowCount === 0) await createRole(client, OWNER_ROLE, 'createrole');
  await setPassword(client, OWNER_ROLE, ownerPassword);
  const found = await client.query('select from pg_database where datname = $1', [database]);
  if (found.rowCount === 0)
    await client.query(`create database ${client.escapeIdentifier(database)} owner ${OWNER_ROLE}`);
}

/** Somebody else may create it at the same moment: that is as good. */
async function createRole(client: Client, role: string, attributes: string): Promise<void> {
  try {
    await client.query(`create role ${role} ${attributes}`);
  } catch (error) {
    const duplicate = error instanceof Error && 'code' in error && (error.code === '42710' || error.code === '23505');
    if (!duplicate) throw error;
  }
}

/** Before PostgreSQL 16, whether a member inherits is said of the member alone: `countersign_app` is NOINHERIT. */
async function membershipOptions(client: Client): Promise<string> {
  const { rows } = await client.query<{ old: boolean }>(
    `select current_setting('server_version_num')::int < 160000 as old`,
  );
  return rows[0]?.old ? '' : 'with inherit false, set true';
}

async function setPassword(client: Client, role: string, password: string): Promise<void> {
  await client.query(`alter role ${role} login password ${client.escapeLiteral(password)}`);
}

async function assertMayCreateRoles(client: Client, missing: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ yes: boolean; name: string }>(
    'select rolsuper or rolcreaterole as yes, rolname as name from pg_roles where rolname = current_user',
  );
  if (rows[0]?.yes) return;
  throw new DomainError('invalid_configuration', {
    field: 'MIGRATION_URL',
    reason: `the roles ${missing.join(', ')} are missing and ${rows[0]?.name ?? 'this login'} may not create them; give it CREATEROLE, or create them as an administrator`,
  });
}
