import type { MigrationInterface, QueryRunner } from 'typeorm';
import { DEFAULT_SOURCE_SETTINGS } from '#contracts/source-settings';

/** What an administrator has set for a source; the sources that are there keep the defaults. */
export class SourceSettings1764400000000 implements MigrationInterface {
  readonly name = 'SourceSettings1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    const defaults = JSON.stringify(DEFAULT_SOURCE_SETTINGS);
    await runner.query(`alter table svc_ingest.source add column settings jsonb not null default '${defaults}'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table svc_ingest.source drop column settings');
  }
}
