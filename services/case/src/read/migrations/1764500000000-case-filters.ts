import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The list's order within each status and severity, of all cases and of an owner's: see `listCases`. */
export class CaseFilters1764500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create index case_summary_status on case_summary (tenant, status, severity, updated_at desc, case_id desc);
      create index case_summary_owner on case_summary (tenant, owner, status, severity, updated_at desc, case_id desc);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index case_summary_status, case_summary_owner');
  }
}
