import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tenantRowSecurity } from '#libs/read-model';

const TABLES = ['shared_observable', 'case_observables'];

export class SimilarCases1764700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table shared_observable (
        key uuid primary key,
        tenant text not null,
        cases integer not null,
        members jsonb not null
      );

      create table case_observables (
        case_id uuid primary key,
        tenant text not null,
        keys jsonb not null
      );
    `);
    for (const table of TABLES) for (const statement of tenantRowSecurity(table)) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`drop table ${table}`);
  }
}
