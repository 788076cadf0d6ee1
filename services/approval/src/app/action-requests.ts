import type { ActionRequest } from '#contracts/action';
import type { RunEvent } from '#contracts/events/run';
import { done, retry, type BusMessage, type Outcome } from '#libs/bus';
import { DomainError } from '#libs/kernel';
import { actionDigest } from '#libs/warrant';
import type { DatabaseClock } from '../adapters/database-clock';
import { ruleOn, type KnownFacts, type Ruling } from '../domain/action-ruling';
import type { ApprovalCommand } from '../domain/approval.decider';
import type { Policy } from '../domain/policy';
import { visibleLines } from '../domain/visible-text';
import type { Seal } from '../domain/warrant-claims';
import { actionWording } from '../domain/wording';
import type { CaseCopy } from '../read/case-copy';
import type { ConnectionCopy } from '../read/connection-copy';
import type { PlaybookCopy } from '../read/playbook-copy';
import type { RequestsInHand } from '../read/requests-in-hand';
import type { RunCopy } from '../read/run-copy';
import type { ApprovalStream } from './approval-stream';
import { causedBy } from './cause';

export interface ActionRequestDependencies {
  readonly approvals: ApprovalStream;
  readonly connections: ConnectionCopy;
  readonly playbooks: PlaybookCopy;
  readonly runs: RunCopy;
  readonly cases: CaseCopy;
  readonly inHand: RequestsInHand;
  readonly clock: DatabaseClock;
  readonly policy: Policy;
  readonly seal: Seal;
  /** Milliseconds for which a copy of another service's facts may lag behind a request before it counts as unfounded. */
  readonly patienceMs: number;
}

const RETRY_MS = 500;
const MAX_REASON = 4000;
type Requested = Extract<RunEvent, { type: 'ActionRequested' }>['data'];
type Answer = Exclude<ApprovalCommand, { type: 'Grant' | 'Deny' | 'Expire' | 'Withdraw' | 'Revoke' }>;

/** Answers each ActionRequested on `approval-<actionId>`, by nothing but this service's own facts. */
export class ActionRequests {
  constructor(private readonly parts: ActionRequestDependencies) {}

  async answer(message: BusMessage, requested: Requested): Promise<Outcome> {
    const { tenant } = message;
    const { actionId: approvalId, runId, caseId, stepId, request } = requested;
    const { playbookId, playbookDigest } = request;
    const { approvals, inHand, clock, patienceMs } = this.parts;
    const age = await inHand.note(tenant, { approvalId, runId, stepId, caseId, playbookId, playbookDigest });
    const ruling = isConsistent(requested)
      ? ruleOn(request, await this.factsOf(tenant, request), this.parts.policy)
      : ({
          kind: 'reject',
          code: 'invalid_request',
          reason: 'The request names another run, step, case or action.',
        } as const);
    if (ruling.kind === 'free') {
      await inHand.settle(tenant, approvalId);
      return done;
    }
    if (ruling.kind === 'wait' && age < patienceMs) return retry(RETRY_MS, ruling.reason);
    const time = await clock.now();
    const command = this.commandFor(ruling, tenant, { ...request, actionId: approvalId, runId, caseId, stepId }, time);
    await approvals.run(command, { ...causedBy(message), approvalId, time });
    if (command.type !== 'RejectAction') await this.closeIfOver(message, requested);
    return done;
  }

  private async factsOf(tenant: string, request: ActionRequest): Promise<KnownFacts> {
    const { connections, playbooks, runs, cases } = this.parts;
    const [connection, manifest, playbook, run, ofCase] = await Promise.all([
      connections.connection(tenant, request.connectionId),
      connections.manifest(request.connector, request.manifestVersion),
      playbooks.playbook(tenant, request.playbookId, request.playbookDigest),
      runs.run(tenant, request.runId),
      cases.case(tenant, request.caseId),
    ]);
    return { connection, manifest, playbook, run, caseClosed: ofCase?.status === 'closed' };
  }

  private commandFor(
    ruling: Exclude<Ruling, { kind: 'free' }>,
    tenant: string,
    request: ActionRequest,
    now: Date,
  ): Answer {
    const { policy, seal } = this.parts;
    if (ruling.kind === 'wait' || ruling.kind === 'reject') {
      return { type: 'RejectAction', request, code: ruling.code, reason: ruling.reason };
    }
    const digest = digestOf(tenant, request);
    if (digest instanceof DomainError) {
      return { type: 'RejectAction', request, code: digest.code, reason: digest.message };
    }
    const policyVersion = policy.version;
    if (ruling.kind === 'allow') {
      const issuing = { seal, now, warrantLifetimeMs: policy.warrantLifetimeMs };
      return { type: 'AllowAction', tenant, request, digest, effect: ruling.effect, policyVersion, issuing };
    }
    return {
      type: 'OpenApproval',
      approval: {
        approvalId: request.actionId,
        kind: 'action',
        digest,
        wording: actionWording(ruling.action, request, ruling.connectionName),
        reason: wordsOf(request),
        effect: ruling.effect,
        request,
        playbook: null,
        caseId: request.caseId,
        requester: ruling.requester,
        excluded: [...ruling.excluded],
        requiredRoles: [...ruling.approval.roles],
        requiredGrants: ruling.approval.grants,
        deadline: new Date(now.getTime() + ruling.approval.deadlineMs).toISOString(),
        policyVersion,
      },
    };
  }

  /** Who closed the case or retired the playbook meanwhile may have looked before there was anything to close. */
  private async closeIfOver(message: BusMessage, { actionId: approvalId, request }: Requested): Promise<void> {
    const { approvals, inHand, clock } = this.parts;
    const facts = await this.factsOf(message.tenant, request);
    const retired = facts.playbook?.version?.retired === true;
    if (!facts.caseClosed && !retired) return;
    const reason = retired ? 'The playbook was retired.' : 'The case was closed.';
    const time = await clock.now();
    // The same message has caused the answer before, by at most one event.
    const context = { ...causedBy(message), approvalId, time, firstOrdinal: 1 };
    await approvals.run({ type: 'Withdraw', reason }, context);
    await inHand.settle(message.tenant, approvalId);
  }
}

/** A request that says one thing outside and another inside is somebody's forgery. */
function isConsistent({ actionId, runId, caseId, stepId, request }: Requested): boolean {
  return (
    request.actionId === actionId && request.runId === runId && request.caseId === caseId && request.stepId === stepId
  );
}

function digestOf(tenant: string, request: ActionRequest): string | DomainError {
  try {
    return actionDigest(tenant, request);
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}

function wordsOf({ title, reason }: ActionRequest): string {
  const words = [...visibleLines(reason === '' ? title : `${title}\n${reason}`)];
  return words.length <= MAX_REASON ? words.join('') : `${words.slice(0, MAX_REASON - 1).join('')}…`;
}
