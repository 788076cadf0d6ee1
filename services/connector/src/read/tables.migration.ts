import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tenantRowSecurity } from '#libs/read-model';

export class ConnectorTables1764000000000 implements MigrationInterface {
  readonly name = 'ConnectorTables1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    const statements = [
      `create table svc_connector.connection (
         tenant text not null, id text not null, connector text not null, name text not null, version integer not null,
         settings jsonb not null, allowed_hosts jsonb not null, changed_at timestamptz not null,
         removed boolean not null, primary key (tenant, id))`,
      `create table svc_connector.action (
         id uuid primary key, tenant text not null, status text not null, run_id uuid not null, case_id uuid,
         connection_id text not null, action text not null, attempts integer, approvers jsonb not null, code text,
         reason text, outputs jsonb, started_at timestamptz, ended_at timestamptz)`,
      `create index action_status on svc_connector.action (tenant, status)`,
      `create table svc_connector.published_key (event_id uuid primary key, key jsonb not null)`,
      ...tenantRowSecurity('svc_connector.connection'),
      ...tenantRowSecurity('svc_connector.action'),
    ];
    for (const statement of statements) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table svc_connector.published_key, svc_connector.action, svc_connector.connection');
  }
}
