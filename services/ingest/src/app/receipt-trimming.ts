import type { OnModuleInit } from '@nestjs/common';
import type { ServiceContext } from '#libs/service';
import type { Account } from '../read/account';

const JOB = 'trim-receipts';
const EVERY_MS = 60 * 60_000;
const LEASE_MS = 60_000;

/** Forgets single receipts once no message about them can come again; the sums of the account stay. */
export class ReceiptTrimming implements OnModuleInit {
  constructor(
    private readonly context: Pick<ServiceContext, 'jobs'>,
    private readonly account: Account,
  ) {}

  async onModuleInit(): Promise<void> {
    const { jobs } = this.context;
    jobs.handle(JOB, { leaseMs: LEASE_MS, concurrency: 1 }, async (_, signal) => {
      await this.account.forget(signal);
      return { status: 'again', afterMs: EVERY_MS };
    });
    await jobs.schedule([{ id: JOB, kind: JOB, tenant: '*', payload: {} }]);
  }
}
