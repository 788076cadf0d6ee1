import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tenantRowSecurity } from '#libs/read-model';

/** Sources with the hashes of their tokens; a row a receipt; and the account, which is kept in step with the receipts. */
export class SourcesAndAccount1764000000000 implements MigrationInterface {
  readonly name = 'SourcesAndAccount1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table svc_ingest.source (
        id uuid primary key,
        tenant text not null,
        name text not null,
        format text,
        status text not null,
        registered_at timestamptz not null,
        registered_by text not null,
        token_issued_at timestamptz not null,
        previous_token_valid_until timestamptz,
        disabled_reason text
      )`);
    await runner.query(`
      create table svc_ingest.source_token (
        digest text primary key,
        tenant text not null,
        source_id uuid not null,
        valid_until timestamptz
      )`);
    await runner.query('create index source_token_source on svc_ingest.source_token (source_id)');
    await runner.query(`
      create table svc_ingest.receipt (
        receipt_id uuid primary key,
        tenant text not null,
        source_id uuid not null,
        received_at timestamptz not null,
        outcome text not null
      )`);
    await runner.query(`
      create table svc_ingest.account (
        tenant text not null,
        source_id uuid not null,
        source text not null,
        received bigint not null default 0,
        new bigint not null default 0,
        updated bigint not null default 0,
        duplicate bigint not null default 0,
        grouped bigint not null default 0,
        suppressed bigint not null default 0,
        rejected bigint not null default 0,
        pending bigint not null default 0,
        primary key (tenant, source_id),
        check (received = new + updated + duplicate + grouped + suppressed + rejected + pending)
      )`);
    for (const table of ['source', 'source_token', 'receipt', 'account']) {
      for (const statement of tenantRowSecurity(`svc_ingest.${table}`)) await runner.query(statement);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table svc_ingest.source, svc_ingest.source_token, svc_ingest.receipt, svc_ingest.account');
  }
}
