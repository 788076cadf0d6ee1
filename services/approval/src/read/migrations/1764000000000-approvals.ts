import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tenantRowSecurity } from '#libs/read-model';

const TABLES = [
  'approval',
  'connection_copy',
  'manifest_copy',
  'playbook_version_copy',
  'playbook_author_copy',
  'run_copy',
  'case_copy',
  'request_in_hand',
];

/** The list of approvals, and this service's own copies of what others decide. */
export class Approvals1764000000000 implements MigrationInterface {
  readonly name = 'Approvals1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table svc_approval.approval (
        id uuid primary key,
        tenant text not null,
        kind text not null,
        status text not null,
        case_id uuid,
        opened_at timestamptz not null,
        record jsonb not null
      )`);
    await runner.query('create index approval_newest on svc_approval.approval (tenant, opened_at desc, id desc)');
    await runner.query('create index approval_status on svc_approval.approval (tenant, status, opened_at desc)');
    await runner.query(`
      create table svc_approval.connection_copy (
        tenant text not null,
        connection_id text not null,
        connector text not null,
        name text not null,
        version integer not null,
        removed boolean not null,
        stream_version integer not null,
        primary key (tenant, connection_id)
      )`);
    await runner.query(`
      create table svc_approval.manifest_copy (
        tenant text not null,
        connector text not null,
        version text not null,
        stream_version integer not null,
        manifest jsonb not null,
        primary key (connector, version)
      )`);
    await runner.query(`
      create table svc_approval.playbook_version_copy (
        tenant text not null,
        playbook_id text not null,
        digest text not null,
        name text not null,
        retired boolean not null,
        stream_version integer not null,
        primary key (tenant, playbook_id, digest)
      )`);
    await runner.query(`
      create table svc_approval.playbook_author_copy (
        tenant text not null,
        playbook_id text not null,
        subject text not null,
        primary key (tenant, playbook_id, subject)
      )`);
    await runner.query(`
      create table svc_approval.run_copy (
        tenant text not null,
        run_id uuid primary key,
        starter jsonb not null,
        ended boolean not null default false
      )`);
    await runner.query(`
      create table svc_approval.case_copy (
        tenant text not null,
        case_id uuid primary key,
        title text not null,
        severity text not null,
        status text not null,
        stream_version integer not null
      )`);
    await runner.query(`
      create table svc_approval.request_in_hand (
        tenant text not null,
        approval_id uuid primary key,
        run_id uuid,
        step_id text,
        case_id uuid,
        playbook_id text not null,
        playbook_digest text not null,
        first_seen_at timestamptz not null default clock_timestamp(),
        settled boolean not null default false
      )`);
    for (const column of ['run_id', 'case_id', 'playbook_id']) {
      await runner.query(
        `create index request_in_hand_${column} on svc_approval.request_in_hand (${column}) where not settled`,
      );
    }
    for (const table of TABLES) {
      for (const statement of tenantRowSecurity(`svc_approval.${table}`)) await runner.query(statement);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) await runner.query(`drop table svc_approval.${table}`);
  }
}
