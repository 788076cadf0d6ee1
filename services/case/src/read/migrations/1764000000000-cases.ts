import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tenantRowSecurity } from '#libs/read-model';

const TABLES = ['case_summary', 'case_alert', 'foreign_event', 'evidence_content'];

export class Cases1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table case_summary (
        case_id uuid primary key,
        tenant text not null,
        title text not null,
        status text not null,
        resolution text,
        severity text not null,
        severity_by text not null,
        owner text,
        rule text not null,
        verdict text not null,
        score integer not null,
        alert_count integer not null,
        open_escalations integer not null,
        version integer not null,
        opened_at timestamptz(3) not null,
        updated_at timestamptz(3) not null,
        search text not null
      );
      create index case_summary_listing on case_summary (tenant, updated_at desc, case_id desc);

      create table case_alert (
        case_id uuid not null,
        alert_id uuid not null,
        tenant text not null,
        severity_rank integer not null,
        verdict_rank integer not null,
        score integer not null,
        primary key (case_id, alert_id)
      );

      create table foreign_event (
        event_id uuid primary key,
        tenant text not null,
        case_id uuid not null,
        category text not null,
        stream text not null,
        version integer not null,
        type text not null,
        schema_version integer not null,
        time timestamptz(3) not null,
        actor jsonb not null,
        data jsonb not null
      );
      create index foreign_event_timeline on foreign_event (case_id, time);

      create table evidence_content (
        tenant text not null,
        digest text not null,
        content bytea not null,
        stored_at timestamptz not null default clock_timestamp(),
        primary key (tenant, digest)
      );
    `);
    for (const table of TABLES) for (const statement of tenantRowSecurity(table)) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`drop table ${table}`);
  }
}
