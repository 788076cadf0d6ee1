import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Rows that change with most alerts: lists of ids in a form of half the size, neither compressed nor put into pieces aside
 * where a page has room for them, with room for the next version beside it.
 */
export class SmallerRows1764800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table shared_observable
        alter column members type uuid[] using translate(members::text, '[]" ', '{}')::uuid[];
      alter table case_observables
        alter column keys type uuid[] using translate(keys::text, '[]" ', '{}')::uuid[];
      alter table shared_observable set (toast_tuple_target = 8160, fillfactor = 75);
      alter table case_observables set (toast_tuple_target = 8160, fillfactor = 75);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table case_observables reset (toast_tuple_target, fillfactor);
      alter table shared_observable reset (toast_tuple_target, fillfactor);
      alter table shared_observable alter column members type jsonb using to_jsonb(members);
      alter table case_observables alter column keys type jsonb using to_jsonb(keys);
    `);
  }
}
