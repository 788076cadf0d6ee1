import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lists of rows that change with most alerts, in a form of half the size, and with room for the next version beside it. */
export class SmallerRows1764800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table shared_observable
        alter column members type uuid[] using translate(members::text, '[]" ', '{}')::uuid[];
      alter table case_observables
        alter column keys type uuid[] using translate(keys::text, '[]" ', '{}')::uuid[];
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table shared_observable alter column members type jsonb using to_jsonb(members);
      alter table case_observables alter column keys type jsonb using to_jsonb(keys);
    `);
  }
}
