import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tenantRowSecurity } from '#libs/read-model';

const OF_TENANTS = ['playbook_version', 'run', 'run_step', 'connection_copy', 'case_facts'];
const SHARED = ['manifest_copy', 'published_key'];

export class OrchestratorTables1764000000000 implements MigrationInterface {
  readonly name = 'OrchestratorTables1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table playbook_version (
        tenant text not null,
        playbook_id text not null,
        digest text not null,
        name text not null,
        state text not null,
        executable boolean not null,
        authors jsonb not null,
        origin text not null,
        document jsonb not null,
        activation_approval_id uuid not null,
        drafted_at timestamptz(3) not null,
        drafted_version integer not null,
        activated_at timestamptz(3),
        retired_at timestamptz(3),
        reason text,
        updated_at timestamptz(3) not null,
        primary key (tenant, playbook_id, digest)
      );
      create index playbook_version_active on playbook_version (tenant) where state = 'active';
      create index playbook_version_approval on playbook_version (activation_approval_id);

      create table run (
        run_id uuid primary key,
        tenant text not null,
        playbook_id text not null,
        playbook_digest text not null,
        playbook_name text not null,
        case_id uuid,
        status text not null,
        trigger text not null,
        started_by jsonb not null,
        variables jsonb not null,
        overridden jsonb not null,
        started_at timestamptz(3) not null,
        deadline timestamptz(3) not null,
        ended_at timestamptz(3),
        code text,
        reason text
      );
      create index run_listing on run (tenant, started_at desc, run_id desc);
      create index run_of_case on run (case_id);
      create index run_open on run (playbook_id, playbook_digest) where ended_at is null;

      create table run_step (
        run_id uuid not null,
        step_id text not null,
        tenant text not null,
        started_version integer not null,
        kind text not null,
        name text not null,
        status text not null,
        action_id uuid,
        connection_id text,
        action text,
        target jsonb,
        started_at timestamptz(3) not null,
        requested_at timestamptz(3),
        dispatched_at timestamptz(3),
        ended_at timestamptz(3),
        outputs jsonb,
        code text,
        reason text,
        primary key (run_id, step_id)
      );
      create unique index run_step_action on run_step (action_id);

      create table connection_copy (
        tenant text not null,
        connection_id text not null,
        connector text not null,
        version integer not null,
        removed boolean not null,
        stream_version integer not null,
        primary key (tenant, connection_id)
      );
      create table manifest_copy (
        connector text primary key,
        version text not null,
        effects jsonb not null,
        stream_version integer not null
      );
      create table published_key (event_id uuid primary key, key jsonb not null);
      create table case_facts (
        tenant text not null,
        case_id uuid not null,
        title text not null,
        severity text not null,
        rule text not null,
        closed boolean not null,
        variables jsonb not null,
        stream_version integer not null,
        primary key (tenant, case_id)
      );
    `);
    for (const table of OF_TENANTS) for (const statement of tenantRowSecurity(table)) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [...OF_TENANTS, ...SHARED]) await runner.query(`drop table ${table}`);
  }
}
