import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tenantRowSecurity } from '#libs/read-model';

/** The files of the folder of data sets. Their entries stay in the files. */
export class Datasets1764000000000 implements MigrationInterface {
  readonly name = 'Datasets1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table svc_enrichment.dataset (
        id uuid primary key,
        tenant text not null,
        name text not null,
        status text not null,
        kind text,
        digest text,
        entries integer not null,
        reason text,
        changed_at timestamptz not null
      )`);
    for (const statement of tenantRowSecurity('svc_enrichment.dataset')) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table svc_enrichment.dataset');
  }
}
