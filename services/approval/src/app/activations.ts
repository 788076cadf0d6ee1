import type { PlaybookEvent } from '#contracts/events/playbook';
import type { BusMessage } from '#libs/bus';
import { deterministicId } from '#libs/kernel';
import type { DatabaseClock } from '../adapters/database-clock';
import { excludedSubjects } from '../domain/action-ruling';
import { atLeastOneHuman, type Policy } from '../domain/policy';
import { visibleText } from '../domain/visible-text';
import { activationWording } from '../domain/wording';
import type { PlaybookCopy } from '../read/playbook-copy';
import type { RequestsInHand } from '../read/requests-in-hand';
import type { ApprovalStream } from './approval-stream';
import { causedBy } from './cause';

export function activationId(tenant: string, playbookId: string, digest: string): string {
  return deterministicId('activation', tenant, playbookId, digest);
}

/** A drafted playbook version is put to people: somebody else than its authors activates it (invariant 5). */
export class Activations {
  constructor(
    private readonly approvals: ApprovalStream,
    private readonly playbooks: PlaybookCopy,
    private readonly inHand: RequestsInHand,
    private readonly clock: DatabaseClock,
    private readonly policy: Policy,
  ) {}

  async open(message: BusMessage, drafted: Extract<PlaybookEvent, { type: 'PlaybookDrafted' }>['data']): Promise<void> {
    const { tenant, actor } = message;
    const { playbookId, digest, name } = drafted;
    const approvalId = activationId(tenant, playbookId, digest);
    const nobody = { runId: null, stepId: null, caseId: null };
    await this.inHand.note(tenant, { approvalId, playbookId, playbookDigest: digest, ...nobody });
    const known = await this.playbooks.playbook(tenant, playbookId, digest);
    const approval = atLeastOneHuman(this.policy.activation);
    const time = await this.clock.now();
    await this.approvals.run(
      {
        type: 'OpenApproval',
        approval: {
          approvalId,
          kind: 'activation',
          digest,
          wording: activationWording(name, digest),
          reason: drafted.origin === 'agent' ? 'An AI agent drafted it.' : 'It was imported.',
          // It may do anything that the policy then lets playbooks do: never without a human.
          effect: 'disruptive',
          request: null,
          playbook: { playbookId, digest, name: [...visibleText(name)].slice(0, 500).join('') },
          caseId: null,
          requester: actor,
          excluded: excludedSubjects([actor], known?.authors ?? []),
          requiredRoles: [...approval.roles],
          requiredGrants: approval.grants,
          deadline: new Date(time.getTime() + approval.deadlineMs).toISOString(),
          policyVersion: this.policy.version,
        },
      },
      { ...causedBy(message), approvalId, time },
    );
  }
}
