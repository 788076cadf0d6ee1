import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tenantRowSecurity } from '#libs/read-model';

/**
 * Originals that are too large to travel, by the record whose they are (`alert-<id>`, as in the ledger) and their digest,
 * so that those of one alert can be erased.
 */
export class Originals1764500000000 implements MigrationInterface {
  readonly name = 'Originals1764500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table svc_ingest.original (
        tenant text not null,
        record text not null,
        digest text not null,
        kept_at timestamptz not null default now(),
        body bytea not null,
        primary key (tenant, record, digest)
      )`);
    for (const statement of tenantRowSecurity('svc_ingest.original')) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table svc_ingest.original');
  }
}
