import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a case only counts, and what rules make of it. */
export class Storms1764600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table case_summary
        add column suppressed_alerts integer not null default 0,
        add column last_suppressed_at timestamptz(3),
        add column raised_to text;
      alter table case_detail add column links jsonb not null default '[]';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table case_summary drop column suppressed_alerts, drop column last_suppressed_at, drop column raised_to;
      alter table case_detail drop column links;
    `);
  }
}
