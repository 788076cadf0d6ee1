import type { MigrationInterface, QueryRunner } from 'typeorm';

export class TreeState1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Of the whole installation: a size and hashes, nothing of any tenant.
    await runner.query(`
      create table tree_state (
        id integer primary key check (id = 1),
        size bigint not null,
        nodes jsonb not null,
        cursor text,
        up_to jsonb,
        uncovered bigint not null,
        moved_at timestamptz not null default clock_timestamp()
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table tree_state');
  }
}
