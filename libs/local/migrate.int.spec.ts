import { mkdtempSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { SERVICES } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { EMPTY_DATABASE, useMigratedPostgres, usePostgres } from '#libs/testing';
import { migrate } from './migrate';

class Cases1732400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create table cases (id text primary key)');
  }
  async down(): Promise<void> {}
}

const caseService = { name: 'case' as const, migrations: [Cases1732400000000] };

describe('migrate', () => {
  const postgres = usePostgres(EMPTY_DATABASE);
  const folder = mkdtempSync(join(tmpdir(), 'countersign-keys-'));
  afterAll(() => rm(folder, { recursive: true }));

  it('makes the ledger, the bus and the schema of a service, and says what it did', async () => {
    const { applied } = await migrate({ url: postgres.ownerUrl, services: [caseService], keysFolder: folder });
    expect(applied).toContainEqual({ part: 'ledger', name: '0001-events' });
    expect(applied).toContainEqual({ part: 'case', name: 'Cases1732400000000' });
    expect(statSync(join(folder, 'root.private.pem')).mode & 0o777).toBe(0o600);
  });

  it('does nothing the second time, also when several do it at once', async () => {
    const options = { url: postgres.ownerUrl, services: [caseService], keysFolder: folder };
    const runs = await Promise.all([migrate(options), migrate(options), migrate(options)]);
    expect(runs).toEqual([{ applied: [] }, { applied: [] }, { applied: [] }]);
  });

  it("gives a service its own tables to write and not another's", async () => {
    await postgres.pool('case').query("insert into svc_case.cases values ('1')");
    await expect(postgres.pool('ingest').query('select * from svc_case.cases')).rejects.toThrow(/permission denied/);
    await expect(postgres.pool('case').query('drop table svc_case.cases')).rejects.toThrow(/must be owner/);
  });

  it('names the setting when the database is not there', async () => {
    const url = postgres.ownerUrl.replace(/[^/]+$/, 'nowhere');
    const refused = await migrate({ url, services: [] }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DomainError);
    expect(refused).toMatchObject({ code: 'invalid_configuration', field: 'MIGRATION_URL' });
  });
});

describe('useMigratedPostgres', () => {
  const postgres = useMigratedPostgres();

  it('has the tables that every service has', async () => {
    for (const service of SERVICES) {
      const { rows } = await postgres
        .pool(service)
        .query(`select count(*)::int as jobs from svc_${service.replaceAll('-', '_')}.job`);
      expect(rows).toEqual([{ jobs: 0 }]);
    }
  });
});
