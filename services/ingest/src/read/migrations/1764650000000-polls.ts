import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tenantRowSecurity } from '#libs/read-model';

/** How sources are polled, as their events leave it; and how the polling goes, which is no event. */
export class Polls1764650000000 implements MigrationInterface {
  readonly name = 'Polls1764650000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table svc_ingest.poll (
        source_id uuid primary key,
        tenant text not null,
        revision integer not null,
        configuration jsonb,
        watermark timestamptz not null
      )`);
    await runner.query(`
      create table svc_ingest.poll_run (
        source_id uuid primary key,
        tenant text not null,
        revision integer not null,
        last_poll_at timestamptz not null,
        last_success_at timestamptz,
        complete_until timestamptz,
        failures integer not null default 0,
        last_failure jsonb
      )`);
    for (const table of ['poll', 'poll_run']) {
      for (const statement of tenantRowSecurity(`svc_ingest.${table}`)) await runner.query(statement);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table svc_ingest.poll, svc_ingest.poll_run');
  }
}
