import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tenantRowSecurity } from '#libs/read-model';

const TABLES = ['case_detail', 'case_detail_alert', 'case_entry'];

export class CaseDetails1764400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table case_detail (
        case_id uuid primary key,
        tenant text not null,
        observables jsonb not null,
        attack jsonb not null
      );

      create table case_detail_alert (
        case_id uuid not null,
        alert_id uuid not null,
        tenant text not null,
        place integer not null,
        content jsonb not null,
        primary key (case_id, alert_id)
      );
      create index case_detail_alert_order on case_detail_alert (case_id, place);

      create table case_entry (
        case_id uuid not null,
        entry_id uuid not null,
        tenant text not null,
        kind text not null,
        place integer not null,
        content jsonb not null,
        primary key (case_id, entry_id)
      );
      create index case_entry_order on case_entry (case_id, kind, place);
    `);
    for (const table of TABLES) for (const statement of tenantRowSecurity(table)) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`drop table ${table}`);
  }
}
