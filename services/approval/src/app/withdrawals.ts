import type { BusMessage } from '#libs/bus';
import type { DatabaseClock } from '../adapters/database-clock';
import type { RequestsInHand } from '../read/requests-in-hand';
import type { ApprovalStream } from './approval-stream';
import { causedBy } from './cause';

/** Closes open questions and revokes unspent warrants whose reason is gone. */
export class Withdrawals {
  constructor(
    private readonly approvals: ApprovalStream,
    private readonly inHand: RequestsInHand,
    private readonly clock: DatabaseClock,
  ) {}

  async withdraw(approvalIds: readonly string[], reason: string, cause: BusMessage): Promise<void> {
    for (const approvalId of approvalIds) {
      const time = await this.clock.now();
      await this.approvals.run({ type: 'Withdraw', reason }, { ...causedBy(cause), approvalId, time });
      await this.inHand.settle(cause.tenant, approvalId);
    }
  }
}
