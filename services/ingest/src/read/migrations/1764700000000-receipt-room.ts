import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A receipt is written twice, the second time with its outcome. Where its page has room for that, no index is written
 * again (PostgreSQL manual, "Heap-Only Tuples").
 */
export class ReceiptRoom1764700000000 implements MigrationInterface {
  readonly name = 'ReceiptRoom1764700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table svc_ingest.receipt set (fillfactor = 60)');
    await runner.query('alter table svc_ingest.account set (fillfactor = 20)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table svc_ingest.account reset (fillfactor)');
    await runner.query('alter table svc_ingest.receipt reset (fillfactor)');
  }
}
