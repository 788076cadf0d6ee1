import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Witnesses1764300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table witness (
        name text primary key,
        -- The last checkpoint that it has taken.
        sequence bigint,
        delivered_at timestamptz,
        failure text
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table witness');
  }
}
