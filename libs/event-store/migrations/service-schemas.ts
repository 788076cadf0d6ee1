import type { ClientBase } from 'pg';
import { type ServiceName, SERVICES } from '#contracts/envelope';
import { OWNER_ROLE, serviceRole, serviceSchema } from '../database-roles';

/**
 * The schemas of the services' read models, jobs and deadlines: owned by the owner, whose tables in it the service's
 * role may read, write and empty (to rebuild a read model), but not alter.
 *
 * @param services whose schemas lie in this database; all of them unless `<SERVICE>_DATABASE_URL` says otherwise.
 */
export async function ensureServiceSchemas(
  client: ClientBase,
  services: readonly ServiceName[] = SERVICES,
): Promise<void> {
  for (const service of services) {
    const [schema, role] = [serviceSchema(service), serviceRole(service)];
    const defaults = `alter default privileges for role ${OWNER_ROLE} in schema ${schema}`;
    await client.query(`
      create schema if not exists ${schema} authorization ${OWNER_ROLE};
      grant usage on schema ${schema} to ${role};
      ${defaults} grant select, insert, update, delete, truncate on tables to ${role};
      ${defaults} grant usage, select on sequences to ${role};
    `);
  }
}
