import type { ApprovalDetail, DecisionBody } from '#contracts/http/approval';
import type { Principal } from '#contracts/identity';
import type { StateQuery, StreamState } from '#contracts/state';
import type { RecordedEvent } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import type { ProjectionRunner } from '#libs/read-model';
import { actorOf, type RequestTrace } from '#libs/service';
import type { DatabaseClock } from '../adapters/database-clock';
import { decide, type ApprovalCommand } from '../domain/approval.decider';
import type { Policy } from '../domain/policy';
import type { Issuing, Seal } from '../domain/warrant-claims';
import type { CaseCopy } from '../read/case-copy';
import type { PlaybookCopy, KnownPlaybook } from '../read/playbook-copy';
import type { ApprovalStream, KnownApproval } from './approval-stream';

export interface DecisionDependencies {
  readonly approvals: ApprovalStream;
  readonly playbooks: PlaybookCopy;
  readonly cases: CaseCopy;
  readonly readModels: Pick<ProjectionRunner, 'caughtUpWith'>;
  readonly clock: DatabaseClock;
  readonly policy: Policy;
  readonly seal: Seal;
}

/** Who decides, and from where the request came. */
export interface Deciding {
  readonly principal: Principal;
  readonly trace: RequestTrace;
}

/** What people see of an approval, and what they decide. */
export class Decisions {
  constructor(private readonly parts: DecisionDependencies) {}

  /** @throws DomainError('not_found') */
  async show(id: string, principal: Principal): Promise<ApprovalDetail> {
    const known = await this.parts.approvals.load(principal.tenant, id);
    const { record } = known;
    const playbook = await this.playbookOf(principal.tenant, known);
    const reference = record.request && {
      playbookId: record.request.playbookId,
      digest: record.request.playbookDigest,
      name: playbook?.name ?? record.request.playbookId,
    };
    return {
      ...record,
      playbook: record.playbook ?? reference,
      case: await this.parts.cases.case(principal.tenant, record.caseId),
      you: await this.rightOf(principal, known, playbook?.authors ?? []),
    };
  }

  /** As it was at any past moment. @throws DomainError `not_found`, `invalid_field`. */
  async state(id: string, query: StateQuery, { tenant }: Principal): Promise<StreamState> {
    return this.parts.approvals.state(tenant, id, query, await this.parts.clock.now());
  }

  /**
   * @throws DomainError `not_found`, `requester_cannot_approve`, `permission_missing`, `principal_kind_refused`,
   * `already_decided`, `approval_expired`, `digest_mismatch`.
   */
  grant(id: string, body: DecisionBody, deciding: Deciding): Promise<ApprovalDetail> {
    return this.decide('Grant', id, body, deciding);
  }

  /** @throws what `grant` throws. */
  deny(id: string, body: DecisionBody, deciding: Deciding): Promise<ApprovalDetail> {
    return this.decide('Deny', id, body, deciding);
  }

  /** @throws DomainError `not_found`, or `invalid_transition` when there is no warrant. */
  async revoke(id: string, reason: string, deciding: Deciding): Promise<ApprovalDetail> {
    const known = await this.parts.approvals.load(deciding.principal.tenant, id);
    await this.run({ type: 'Revoke', reason }, id, known, deciding, await this.parts.clock.now());
    return this.show(id, deciding.principal);
  }

  private async decide(
    type: 'Grant' | 'Deny',
    id: string,
    { digest, comment = '' }: DecisionBody,
    deciding: Deciding,
  ): Promise<ApprovalDetail> {
    const { principal: by } = deciding;
    const { tenant } = by;
    const known = await this.parts.approvals.load(tenant, id);
    const authors = (await this.playbookOf(tenant, known))?.authors ?? [];
    const now = await this.parts.clock.now();
    const decision = { by, digest, comment, now, authors };
    const command: ApprovalCommand =
      type === 'Grant' ? { type, tenant, issuing: this.issuing(now), ...decision } : { type, ...decision };
    try {
      await this.run(command, id, known, deciding, now);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'already_decided') throw error;
      await this.answerRepetition(command, id, by);
    }
    return this.show(id, by);
  }

  /** The same denial by the same person again is answered the same; everybody else is told who was first, and when. */
  private async answerRepetition(command: ApprovalCommand, id: string, by: Principal): Promise<void> {
    const { events } = await this.parts.approvals.load(by.tenant, id);
    const decision = events.findLast(({ type }) => type === 'ApprovalGranted' || type === 'ApprovalDenied');
    if (decision === undefined) throw new DomainError('internal', 'A decided approval has no decision.');
    if (command.type === 'Deny' && isRepetition(decision, command.digest, command.comment, by)) return;
    const verb = decision.type === 'ApprovalGranted' ? 'granted' : 'denied';
    throw new DomainError('already_decided', `It was ${verb} by ${decision.actor.id} at ${decision.time}.`);
  }

  private async run(
    command: ApprovalCommand,
    approvalId: string,
    { correlationId }: KnownApproval,
    { principal, trace }: Deciding,
    time: Date,
  ): Promise<void> {
    const { events } = await this.parts.approvals.run(command, {
      tenant: principal.tenant,
      approvalId,
      actor: actorOf(principal),
      meta: { correlationId, traceparent: trace.traceparent },
      time,
    });
    await this.parts.readModels.caughtUpWith(events);
  }

  /** Deciding is a pure function, so that it can be tried out: what would this person be told? */
  private async rightOf(
    by: Principal,
    known: KnownApproval,
    authors: readonly string[],
  ): Promise<ApprovalDetail['you']> {
    const now = await this.parts.clock.now();
    const { tenant } = by;
    const digest = known.record.digest ?? '';
    const issuing = { ...this.issuing(now), seal: () => '' };
    try {
      const events = decide({ type: 'Grant', tenant, by, digest, comment: '', now, authors, issuing }, known.state);
      if (events.length > 0) return { mayDecide: true, code: null, reason: null };
      return { mayDecide: false, code: 'already_decided', reason: 'You have granted it.' };
    } catch (error) {
      if (error instanceof DomainError) return { mayDecide: false, code: error.code, reason: error.reason };
      throw error;
    }
  }

  private playbookOf(tenant: string, { record }: KnownApproval): Promise<KnownPlaybook | undefined> {
    const playbookId = record.request?.playbookId ?? record.playbook?.playbookId;
    const digest = record.request?.playbookDigest ?? record.playbook?.digest;
    if (playbookId === undefined || digest === undefined) return Promise.resolve(undefined);
    return this.parts.playbooks.playbook(tenant, playbookId, digest);
  }

  private issuing(now: Date): Issuing {
    const { seal, policy } = this.parts;
    return { seal, now, warrantLifetimeMs: policy.warrantLifetimeMs };
  }
}

function isRepetition({ type, actor, data }: RecordedEvent, digest: string, comment: string, by: Principal): boolean {
  const same = data['digest'] === digest && data['comment'] === comment;
  return type === 'ApprovalDenied' && actor.kind === 'human' && actor.id === by.subject && same;
}
