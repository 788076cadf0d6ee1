import type { ClientBase } from 'pg';
import { type ServiceName, SERVICES } from '#contracts/envelope';
import { OWNER_ROLE, serviceRole, serviceSchema } from '../database-roles';

/**
 * The schemas of the services' read models, jobs and deadlines: owned by the owner, whose tables in it the service's
 * role may read and write, but neither alter nor truncate.
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
      ${defaults} grant select, insert, update, delete on tables to ${role};
      ${defaults} revoke truncate on tables from ${role};
      revoke truncate on all tables in schema ${schema} from ${role};
      ${defaults} grant usage, select on sequences to ${role};
    `);
  }
}
