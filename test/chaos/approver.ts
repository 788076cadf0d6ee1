import { setTimeout as pause } from 'node:timers/promises';
import type { ApprovalDetail, ApprovalSummary } from '#contracts/http/approval';
import { DemoClients } from '../../services/demo/src/clients';
import { NEVER_DISABLED } from './story';

const LOOK_MS = 400;

/** A robot in the place of the human owner: grants what waits, denies some, and leaves to expire what is to expire. */
export class Approver {
  private stopping = false;
  private readonly running: Promise<void>;
  private clients: DemoClients;
  /** Looks and decisions that failed: it tries again. */
  troubles = 0;

  constructor(private readonly url: string) {
    this.clients = new DemoClients(url);
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.decideAll();
      } catch {
        this.troubles += 1;
        // Its token may be of a clock that was wrong.
        this.clients = new DemoClients(this.url);
      }
      await pause(LOOK_MS);
    }
  }

  private async decideAll(): Promise<void> {
    const owner = await this.clients.as('owner');
    const query = { status: 'pending', kind: 'action', limit: 200 };
    const { items } = await owner.get<{ items: ApprovalSummary[] }>('/v1/approvals', query);
    for (const { id } of items) {
      const { digest, request } = await owner.get<ApprovalDetail>(`/v1/approvals/${id}`);
      if (request?.action === 'enable_account') continue;
      const verb = request?.target?.value.startsWith(NEVER_DISABLED) ? 'deny' : 'grant';
      // Granted already, by an answer that was lost: the next look does not show it any more.
      await owner.post(`/v1/approvals/${id}/${verb}`, { digest, comment: 'By a robot.' }).catch(() => this.troubles++);
    }
  }
}
