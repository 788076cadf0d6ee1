import type { MigrationInterface, QueryRunner } from 'typeorm';

/** For the removal of receipts that were decided long ago. */
export class ReceiptAge1764300000000 implements MigrationInterface {
  readonly name = 'ReceiptAge1764300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('create index receipt_age on svc_ingest.receipt (received_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index svc_ingest.receipt_age');
  }
}
