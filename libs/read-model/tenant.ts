import type { DataSource, EntityManager } from 'typeorm';

/** What row security compares: a tenant's name, or `*` for work across tenants (projections, jobs). */
export const ALL_TENANTS = '*';

/** Runs `work` in a transaction that sees the rows of one tenant only. */
export function withTenant<T>(
  database: DataSource,
  tenant: string,
  work: (tx: EntityManager) => Promise<T>,
): Promise<T> {
  return database.transaction(async (tx) => {
    await setTenant(tx, tenant);
    return work(tx);
  });
}

export async function setTenant(tx: EntityManager, tenant: string): Promise<void> {
  await tx.query(`select set_config('countersign.tenant', $1, true)`, [tenant]);
}

/**
 * The statements that put a table of a service's schema under row security by its `tenant` column: for TypeORM
 * migrations. Without a tenant set, no row is seen.
 */
export function tenantRowSecurity(table: string): string[] {
  return [
    `alter table ${table} enable row level security`,
    `create policy tenant on ${table}
       using (current_setting('countersign.tenant', true) in (tenant, '${ALL_TENANTS}'))
       with check (current_setting('countersign.tenant', true) in (tenant, '${ALL_TENANTS}'))`,
  ];
}
