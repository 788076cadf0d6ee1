import { join } from 'node:path';
import type { Provider } from '@nestjs/common';
import Type from 'typebox';
import { defineService, type ServiceContext } from '#libs/service';
import { repositoryRoot } from '#libs/local';
import { loadEndedKeys, loadKeyPair, signWarrant, type KeyPair } from '#libs/warrant';
import { DatabaseClock } from './adapters/database-clock';
import { readPolicyFile } from './adapters/policy-file';
import { ErasureReaction } from './app/erasure.reaction';
import { ActionRequests } from './app/action-requests';
import { Activations } from './app/activations';
import { ApprovalStream } from './app/approval-stream';
import { ApprovalsController } from './app/approvals.controller';
import { Decisions } from './app/decisions';
import { Expiry } from './app/expiry';
import { PolicyAdoption } from './app/policy-adoption';
import { ReactionsController } from './app/reactions.controller';
import { SigningKeyPublication } from './app/signing-key-publication';
import { Withdrawals } from './app/withdrawals';
import type { Seal } from './domain/warrant-claims';
import { ApprovalList } from './read/approval-list';
import { approvalListProjection } from './read/approval-list.projection';
import { ApprovalRow } from './read/approval.entity';
import { CaseCopy } from './read/case-copy';
import { ConnectionCopy } from './read/connection-copy';
import { deadlineProjection } from './read/deadline.projection';
import { Approvals1764000000000 } from './read/migrations/1764000000000-approvals';
import { PlaybookCopy } from './read/playbook-copy';
import { RequestsInHand } from './read/requests-in-hand';
import { RunCopy } from './read/run-copy';
import { observeWaitingApprovals } from './read/waiting-approvals';

const config = Type.Object({
  /** Who has to agree to what. */
  COUNTERSIGN_POLICY_FILE: Type.String({
    minLength: 1,
    default: join(repositoryRoot, 'services', 'approval', 'policy.yaml'),
  }),
  /** Milliseconds for which a request waits until this service knows the connection, manifest and playbook it names. */
  APPROVAL_PATIENCE_MS: Type.Integer({ minimum: 0, maximum: 400_000, default: 30_000 }),
});

/** Puts what is disruptive to people, and issues the warrants. */
export const service = defineService({
  name: 'approval',
  port: 8085,
  config,
  entities: [ApprovalRow],
  migrations: [Approvals1764000000000],
  projections: ({ jobs }) => [approvalListProjection, deadlineProjection(jobs)],
  module: (context) => ({
    module: ApprovalModule,
    controllers: [ApprovalsController, ReactionsController, ErasureReaction],
    providers: providersOf(context),
  }),
});

class ApprovalModule {}

const WARRANT_KEY = Symbol('approval.warrant-key');

function providersOf(context: ServiceContext<Type.Static<typeof config>>): Provider[] {
  const { store, database, jobs, readModels, settings, telemetry } = context;
  const patienceMs = context.config.APPROVAL_PATIENCE_MS;
  const policy = readPolicyFile(context.config.COUNTERSIGN_POLICY_FILE);
  context.logger.info({ policyVersion: policy.version }, 'the policy was read');
  const clock = new DatabaseClock(database);
  observeWaitingApprovals(context.metrics, database);
  const approvals = new ApprovalStream(store, telemetry);
  const connections = new ConnectionCopy(database);
  const playbooks = new PlaybookCopy(database);
  const runs = new RunCopy(database);
  const cases = new CaseCopy(database);
  const inHand = new RequestsInHand(database);
  const shared = { approvals, playbooks, cases, clock, policy };
  const sealWith =
    (key: KeyPair): Seal =>
    (claims) =>
      signWarrant(claims, key);
  const signing = <T>(make: (key: KeyPair) => T) => ({ useFactory: make, inject: [WARRANT_KEY] });
  return [
    { provide: WARRANT_KEY, useFactory: () => loadKeyPair(settings, 'warrant') },
    { provide: ApprovalList, useValue: new ApprovalList(database) },
    { provide: ConnectionCopy, useValue: connections },
    { provide: PlaybookCopy, useValue: playbooks },
    { provide: RunCopy, useValue: runs },
    { provide: CaseCopy, useValue: cases },
    { provide: RequestsInHand, useValue: inHand },
    { provide: Withdrawals, useValue: new Withdrawals(approvals, inHand, clock) },
    { provide: Activations, useValue: new Activations(approvals, playbooks, inHand, clock, policy) },
    { provide: PolicyAdoption, useValue: new PolicyAdoption(store, clock, policy) },
    { provide: Expiry, useValue: new Expiry(jobs, approvals, clock) },
    {
      provide: SigningKeyPublication,
      ...signing((key) => new SigningKeyPublication(store, clock, key, () => loadEndedKeys(settings, 'warrant'))),
    },
    { provide: Decisions, ...signing((key) => new Decisions({ ...shared, readModels, seal: sealWith(key) })) },
    {
      provide: ActionRequests,
      ...signing(
        (key) => new ActionRequests({ ...shared, connections, runs, inHand, patienceMs, seal: sealWith(key) }),
      ),
    },
  ];
}
