import Type, { type Static } from 'typebox';
import { ActionTarget } from '../action';
import { Actor } from '../envelope';
import { AnyObject, Closed, Digest, Literals, Nullable, Personal, Text, Timestamp, Uuid } from '../schema';
import { StateQuery, StreamState } from '../state';
import { type Endpoint, paged, pageQuery } from './endpoint';

/** `playbook--<uuid>`, or the uuid alone. */
const PlaybookParams = Closed({ id: Text(200) });
const RunParams = Closed({ id: Uuid });

export const PlaybookFinding = Closed({
  severity: Literals('error', 'warning', 'not_executable'),
  field: Type.String({ description: 'The path of the field: `workflow.action--....commands`.' }),
  reason: Type.String(),
});

/** The document as an object, or its text in JSON or YAML: one of the two. */
export const PlaybookInput = Closed({
  document: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'The CACAO 2.0 document.' })),
  text: Type.Optional(Type.String({ minLength: 1, description: 'The document as a text, in `format`.' })),
  format: Type.Optional(Literals('json', 'yaml')),
});
export type PlaybookInput = Static<typeof PlaybookInput>;

export const PlaybookValidation = Closed({
  valid: Type.Boolean({ description: 'It is a CACAO 2.0 playbook.' }),
  executable: Type.Boolean({ description: 'It is valid, and this release can run it: it may be activated.' }),
  findings: Type.Array(PlaybookFinding),
});
export type PlaybookValidation = Static<typeof PlaybookValidation>;

export const VERSION_STATES = ['draft', 'active', 'superseded', 'refused', 'retired'] as const;

export const PlaybookVersion = Closed({
  digest: Digest,
  name: Type.String(),
  state: Literals(...VERSION_STATES),
  executable: Type.Boolean(),
  /** Everyone who wrote or imported it, and the humans behind agents: none of them may activate it (invariant 5). */
  authors: Type.Array(Personal(Type.String())),
  origin: Literals('import', 'agent'),
  draftedAt: Timestamp,
  /** The approval whose grant activates this version. */
  activationApprovalId: Uuid,
  activatedAt: Nullable(Timestamp),
  retiredAt: Nullable(Timestamp),
  /** Why it is refused or retired. */
  reason: Nullable(Type.String()),
});
export type PlaybookVersion = Static<typeof PlaybookVersion>;

export const PlaybookSummary = Closed({
  playbookId: Text(200),
  name: Type.String(),
  description: Type.String(),
  /** That of the active version; without one, of the latest. */
  state: Literals(...VERSION_STATES),
  activeDigest: Nullable(Digest),
  latestDigest: Digest,
  versions: Type.Integer(),
  updatedAt: Timestamp,
});
export type PlaybookSummary = Static<typeof PlaybookSummary>;

export const PlaybookView = Closed({
  ...PlaybookSummary.properties,
  versions: Type.Array(PlaybookVersion, { description: 'The latest first.' }),
  /** The digest of the version below. */
  digest: Digest,
  document: AnyObject,
  findings: Type.Array(PlaybookFinding),
});
export type PlaybookView = Static<typeof PlaybookView>;

/** What an import or a draft answers. */
export const PlaybookImported = Closed({
  playbookId: Text(200),
  digest: Digest,
  name: Type.String(),
  state: Literals(...VERSION_STATES),
  created: Type.Boolean({ description: 'False when this very version was there already.' }),
  executable: Type.Boolean(),
  findings: Type.Array(PlaybookFinding),
  activationApprovalId: Uuid,
});
export type PlaybookImported = Static<typeof PlaybookImported>;

export const RetirePlaybook = Closed({
  reason: Type.String({ minLength: 1, maxLength: 2000 }),
  digest: Type.Optional(Digest),
});
export type RetirePlaybook = Static<typeof RetirePlaybook>;

export const StartRun = Closed({
  playbookId: Text(200),
  caseId: Type.Optional(Nullable(Uuid)),
  variables: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      maxProperties: 200,
      description: 'Values of the playbook’s external variables, by name. Whoever sets one counts as an author.',
    }),
  ),
});
export type StartRun = Static<typeof StartRun>;

export const RUN_STATUSES = ['running', 'waiting', 'completed', 'failed'] as const;
export const RunStatus = Literals(...RUN_STATUSES);
export type RunStatus = (typeof RUN_STATUSES)[number];

export const RunSummary = Closed({
  runId: Uuid,
  playbookId: Text(200),
  playbookDigest: Digest,
  playbookName: Type.String(),
  caseId: Nullable(Uuid),
  /** `waiting`: at least one action is with the approval service. */
  status: RunStatus,
  trigger: Literals('case_opened', 'alert_grouped', 'manual'),
  startedBy: Actor,
  startedAt: Timestamp,
  deadline: Timestamp,
  endedAt: Nullable(Timestamp),
  code: Nullable(Type.String({ description: 'Why it failed.' })),
  reason: Nullable(Type.String()),
});
export type RunSummary = Static<typeof RunSummary>;

export const STEP_STATUSES = ['started', 'waiting', 'dispatched', 'completed', 'failed', 'cancelled'] as const;

export const RunStep = Closed({
  stepId: Text(200),
  kind: Type.String(),
  name: Type.String(),
  /** `waiting`: its action is with the approval service; `dispatched`: with the connector. */
  status: Literals(...STEP_STATUSES),
  actionId: Nullable(Uuid),
  connectionId: Nullable(Type.String()),
  action: Nullable(Type.String()),
  target: Nullable(ActionTarget),
  startedAt: Timestamp,
  requestedAt: Nullable(Timestamp),
  dispatchedAt: Nullable(Timestamp),
  endedAt: Nullable(Timestamp),
  outputs: Nullable(Personal(AnyObject)),
  code: Nullable(Type.String()),
  reason: Nullable(Type.String()),
  /** Milliseconds at work, without the time that it waited for an approval; so far, while it is open. */
  machineMs: Type.Integer(),
  /** Milliseconds from the request to the dispatch or the refusal. */
  waitingMs: Type.Integer(),
});
export type RunStep = Static<typeof RunStep>;

export const RunView = Closed({
  ...RunSummary.properties,
  variables: Personal(AnyObject),
  overridden: Type.Array(Type.String()),
  steps: Type.Array(RunStep, { description: 'In the order in which they started.' }),
  /** Sums over the steps; of parallel steps the later part of the time counts too. */
  machineMs: Type.Integer(),
  waitingMs: Type.Integer(),
});
export type RunView = Static<typeof RunView>;

const IDEMPOTENCY = 'With an Idempotency-Key header the same call gives the same answer and changes nothing twice.';
const user = { service: 'playbook-orchestrator', auth: 'user' } as const;

export const endpoints: readonly Endpoint[] = [
  {
    ...user,
    method: 'GET',
    path: '/v1/playbooks',
    permission: 'playbooks:read',
    summary: 'All playbooks, by name',
    responses: { 200: Closed({ items: Type.Array(PlaybookSummary) }) },
  },
  {
    ...user,
    method: 'POST',
    path: '/v1/playbooks',
    permission: 'playbooks:import',
    summary: 'Import a CACAO 2.0 playbook as an inactive version',
    description:
      'Another human activates it, by granting the activation approval. Importing the same again is harmless.',
    body: PlaybookInput,
    responses: { 200: PlaybookImported, 201: PlaybookImported },
  },
  {
    ...user,
    method: 'POST',
    path: '/v1/playbooks/drafts',
    permission: 'playbooks:draft',
    summary: 'Draft a playbook: an inactive version, by a person or an agent',
    body: PlaybookInput,
    responses: { 200: PlaybookImported, 201: PlaybookImported },
  },
  {
    ...user,
    method: 'POST',
    path: '/v1/playbooks/validate',
    permission: 'playbooks:read',
    summary: 'Check a playbook and keep nothing of it',
    body: PlaybookInput,
    responses: { 200: PlaybookValidation },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/playbooks/:id',
    permission: 'playbooks:read',
    summary: 'One playbook: its versions, authors, and the document of one version',
    params: PlaybookParams,
    query: Closed({
      digest: Type.Optional(Type.String({ description: 'Which version; the active or latest one by default.' })),
    }),
    responses: { 200: PlaybookView },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/playbooks/:id/state',
    permission: 'playbooks:read',
    summary: 'What it was at any past moment, by its events alone, and what has changed since another',
    params: PlaybookParams,
    query: StateQuery,
    responses: { 200: StreamState },
  },
  {
    ...user,
    method: 'POST',
    path: '/v1/playbooks/:id/retire',
    permission: 'playbooks:retire',
    decision: true,
    summary: 'Retire the active version (or the one of `digest`): it starts nothing any more, and its open runs fail',
    description: IDEMPOTENCY,
    params: PlaybookParams,
    body: RetirePlaybook,
    responses: { 200: PlaybookView },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/runs',
    permission: 'runs:read',
    summary: 'Runs of playbooks, the latest first',
    query: Closed({
      case: Type.Optional(Uuid),
      status: Type.Optional(RunStatus),
      playbook: Type.Optional(Text(200)),
      ...pageQuery,
    }),
    responses: { 200: paged(RunSummary) },
  },
  {
    ...user,
    method: 'POST',
    path: '/v1/runs',
    permission: 'runs:start',
    summary: 'Start a run of an active playbook by hand',
    description: IDEMPOTENCY,
    body: StartRun,
    responses: { 201: RunView },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/runs/:id',
    permission: 'runs:read',
    summary: 'One run with its steps, and the time split into machine time and waiting for approval',
    params: RunParams,
    responses: { 200: RunView },
  },
  {
    ...user,
    method: 'GET',
    path: '/v1/runs/:id/state',
    permission: 'runs:read',
    summary: 'What it was at any past moment, by its events alone, and what has changed since another',
    params: RunParams,
    query: StateQuery,
    responses: { 200: StreamState },
  },
];
