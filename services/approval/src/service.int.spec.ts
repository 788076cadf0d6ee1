import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionRequest, ConnectorManifest, Effect } from '#contracts/action';
import { CATEGORY_OWNERS, serviceActor, type Actor, type Category } from '#contracts/envelope';
import type { ApprovalCounts, ApprovalDetail, ApprovalSummary } from '#contracts/http/approval';
import {
  canonicalJson,
  createPostgresEventStore,
  headOf,
  type EventStore,
  type RecordedEvent,
} from '#libs/event-store';
import { newId, type JsonObject } from '#libs/kernel';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { actionDigest, createKeyMaterial, KeyRing, loadRootPublicKey, verifyWarrant } from '#libs/warrant';
import { activationId } from './app/activations';
import { service as approvalService } from './service';

const postgres = useMigratedPostgres(approvalService);
let keysFolder: string;
let issuer: TestIssuer;
let service: RunningService;
const stores = new Map<string, EventStore>();

const environment = (change: Record<string, string> = {}) => ({
  COUNTERSIGN_PROFILE: 'development',
  LEDGER_URL: postgres.appUrl,
  APPROVAL_PORT: '0',
  OIDC_ISSUER: issuer.url,
  COUNTERSIGN_KEYS_DIR: keysFolder,
  APPROVAL_PATIENCE_MS: '1500',
  ...change,
});
const start = () => startService(approvalService, { env: environment(), logger: createLogger('silent') });

beforeAll(async () => {
  keysFolder = await mkdtemp(join(tmpdir(), 'countersign-approval-'));
  await createKeyMaterial(keysFolder, new Date());
  issuer = await startTestIssuer();
  service = await start();
  await publishManifest();
  await append('connection', 'connection-edge', 'ConnectionRegistered', connection('edge', 'firewall'));
});
afterAll(async () => {
  await service.stop();
  await Promise.all([...stores.values()].map((store) => store.close()));
  await issuer.stop();
  await rm(keysFolder, { recursive: true });
});

const manifest: ConnectorManifest = {
  connector: 'firewall',
  title: 'Firewall',
  description: '',
  settings: {},
  actions: [action('block', 'disruptive'), action('note', 'write'), action('lookup', 'read')],
};
const manifestVersion = createHash('sha256').update(canonicalJson(manifest)).digest('hex');
const connection = (connectionId: string, connector: string): JsonObject => ({
  connectionId,
  connector,
  name: 'Edge firewall',
  version: 1,
  settings: {},
  allowedHosts: ['fw.example.org'],
});

function action(name: string, effect: Effect): ConnectorManifest['actions'][number] {
  const text = { name, title: name, description: '', wording: `${name} {target.value}` };
  return { ...text, effect, inverse: null, idempotent: true, preview: false, targetTypes: [], input: {}, output: {} };
}
const publishManifest = () =>
  append('connection', 'connection-manifest-firewall', 'ManifestPublished', {
    connector: 'firewall',
    version: manifestVersion,
    manifest: manifest as unknown as JsonObject,
  });

/** Appends as the service that owns the category, as its own database role. */
async function append(
  category: Category,
  stream: string,
  type: string,
  data: JsonObject,
  { actor, tenant = 'default' }: { actor?: Actor; tenant?: string } = {},
): Promise<RecordedEvent> {
  const owner = CATEGORY_OWNERS[category];
  const store = stores.get(owner) ?? createPostgresEventStore({ pool: postgres.pool(owner) });
  stores.set(owner, store);
  const expected = headOf(await store.readStream(category, stream));
  const time = new Date().toISOString();
  const by = actor ?? serviceActor(owner);
  const event = { id: newId(), type, schemaVersion: 1, time, actor: by, data, meta: { correlationId: 'story-1' } };
  const result = await store.append([{ category, stream, tenant, expected, events: [event] }]);
  const [recorded] = result.status === 'appended' ? result.events : [];
  if (recorded === undefined) throw new Error(`${type} was not appended: ${result.status}`);
  return recorded;
}

const human = (id: string): Actor => ({ kind: 'human', id });

interface Scene {
  readonly request: ActionRequest;
  readonly digest: string;
  readonly runId: string;
  readonly caseId: string;
  readonly playbookDigest: string;
}

/** A playbook that ines imported, a run of it, and a request of that run. */
async function scene(change: Partial<ActionRequest> = {}, starter?: Actor): Promise<Scene> {
  const [runId, caseId, actionId, playbook] = [newId(), newId(), newId(), newId()];
  const playbookDigest = createHash('sha256').update(playbook).digest('hex');
  const playbookId = `playbook--${playbook}`;
  const drafted = { playbookId, digest: playbookDigest, name: 'Contain', document: {}, origin: 'import' };
  await append('playbook', `playbook-${playbook}`, 'PlaybookDrafted', drafted, { actor: human('ines') });
  const started = {
    runId,
    caseId,
    playbookId,
    playbookDigest,
    playbookName: 'Contain',
    trigger: { kind: 'manual', eventId: null },
    variables: {},
    overridden: [],
    deadline: new Date(Date.now() + 3_600_000).toISOString(),
  };
  await append('run', `run-${runId}`, 'RunStarted', started, { actor: starter });
  const request: ActionRequest = {
    actionId,
    runId,
    caseId,
    stepId: 'action--1',
    playbookId,
    playbookDigest,
    connectionId: 'edge',
    connectionVersion: 1,
    connector: 'firewall',
    manifestVersion,
    action: 'block',
    target: { type: 'ipv4-addr', value: '203.0.113.7' },
    parameters: {},
    title: 'Block the attacker',
    reason: 'It is on a list',
    timeoutMs: 30_000,
    ...change,
  };
  return { request, digest: actionDigest('default', request), runId, caseId, playbookDigest };
}

async function ask({ request }: Scene): Promise<void> {
  const { actionId, runId, caseId, stepId } = request;
  const data = { runId, caseId, stepId, actionId, request: request as unknown as JsonObject };
  await append('run', `run-${runId}`, 'ActionRequested', data);
}

async function asked(change: Partial<ActionRequest> = {}, starter?: Actor): Promise<Scene> {
  const made = await scene(change, starter);
  await ask(made);
  await eventually(made.request.actionId, 'ApprovalOpened');
  return made;
}

/** Waits until the approval's stream holds an event of this type. */
async function eventually(approvalId: string, type: string): Promise<RecordedEvent> {
  return until(
    async () => (await eventsOf(approvalId)).find((event) => event.type === type),
    `${type} of ${approvalId}`,
  );
}
const eventsOf = (approvalId: string) => service.context.store.readStream('approval', `approval-${approvalId}`);

async function until<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`not seen within 20 s: ${what}`);
}

interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}
async function call<Body = ApprovalDetail & { code?: string; detail?: string }>(
  subject: string,
  path: string,
  body?: JsonObject,
): Promise<Answer<Body>> {
  const answer = await fetch(`${service.url}/v1/approvals${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...(await issuer.headersFor(subject)), 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Body };
}
const grant = (subject: string, { request, digest }: Scene, comment = 'go') =>
  call(subject, `/${request.actionId}/grant`, { digest, comment });

describe('a disruptive action', () => {
  it('is put to people, granted by another, and its warrant verifies under the pinned root', async () => {
    const made = await asked({}, human('arno'));
    const { request, digest } = made;
    const shown = await call('olivia', `/${request.actionId}`);
    expect(shown.body).toMatchObject({
      status: 'pending',
      wording: 'block 203.0.113.7 (block by "Edge firewall")',
      reason: 'Block the attacker\nIt is on a list',
      digest,
      effect: 'disruptive',
      request,
      requester: human('arno'),
      excluded: ['arno', 'ines'],
      playbook: { name: 'Contain' },
      requiredRoles: ['owner'],
      you: { mayDecide: true, code: null, reason: null },
    });

    const { status, body } = await grant('olivia', made);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'granted', decidedBy: 'olivia', grants: [{ by: 'olivia', comment: 'go' }] });

    const granted = await eventually(request.actionId, 'ApprovalGranted');
    expect(granted.meta.correlationId).toBe('story-1');
    const keys = new KeyRing(await loadRootPublicKey(service.context.settings));
    for (const { data } of await service.context.store.readStream('policy', 'policy-keys')) {
      keys.add(data as unknown as Parameters<KeyRing['add']>[0]);
    }
    const { warrant } = granted.data as { warrant: string };
    const expected = { tenant: 'default', actionId: request.actionId, digest, keys, requireApprover: true };
    expect(verifyWarrant(warrant, { ...expected, now: new Date() })).toMatchObject({
      approvers: ['olivia'],
      effect: 'disruptive',
    });
    // The very next thing that the approver reads is what they have decided.
    const list = await call<{ items: ApprovalSummary[] }>('olivia', `?case=${made.caseId}&status=granted`);
    expect(list.body.items.map(({ id }) => id)).toEqual([request.actionId]);
  });

  it('is not decided by who asked or wrote the playbook, nor without the role, nor for another digest', async () => {
    const made = await asked({}, human('olivia'));
    const { request } = made;
    expect(await grant('olivia', made)).toMatchObject({ status: 403, body: { code: 'requester_cannot_approve' } });
    expect(await grant('adam', made)).toMatchObject({ status: 403, body: { code: 'permission_missing' } });
    expect(await grant('arno', made)).toMatchObject({ status: 403, body: { code: 'permission_missing' } });
    expect((await call('olivia', `/${request.actionId}`)).body.you).toMatchObject({
      mayDecide: false,
      code: 'requester_cannot_approve',
    });
    expect(await grant('ruth', { ...made, digest: 'f'.repeat(64) })).toMatchObject({
      status: 409,
      body: { code: 'digest_mismatch', field: 'digest' },
    });
    expect(await call('ruth', `/${request.actionId}/grant`, { comment: 'x' })).toMatchObject({ status: 400 });
    expect((await eventsOf(request.actionId)).map(({ type }) => type)).toEqual(['ApprovalOpened']);
  });

  it('is not decided by an agent, whatever it asks for', async () => {
    const { request, digest } = await asked();
    for (const verb of ['grant', 'deny', 'revoke']) {
      const answer = await fetch(`${service.url}/v1/approvals/${request.actionId}/${verb}`, {
        method: 'POST',
        headers: {
          ...(await issuer.headersFor('olivia', { clientId: 'countersign-agent' })),
          'content-type': 'application/json',
        },
        body: JSON.stringify({ digest, comment: '' }),
      });
      expect(answer.status).toBe(403);
    }
  });

  it('is decided once, by whoever is first; both are told the truth', async () => {
    const made = await asked();
    const answers = await Promise.all([
      grant('olivia', made),
      grant('ruth', made),
      call('olivia', `/${made.request.actionId}/deny`, { digest: made.digest, comment: 'no' }),
      grant('ruth', made),
    ]);
    const decisions = (await eventsOf(made.request.actionId)).filter(({ type }) => type !== 'ApprovalOpened');
    expect(decisions).toHaveLength(1);
    const winner = decisions[0]?.actor.id;
    for (const { status, body } of answers) {
      if (status === 200) expect(body.decidedBy).toBe(winner);
      else
        expect([status, body.code, body.detail]).toEqual([
          409,
          'already_decided',
          expect.stringContaining(`by ${winner}`),
        ]);
    }
    expect(answers.some(({ status }) => status === 200)).toBe(true);
  });

  it('answers the same decision of the same person the same', async () => {
    const granted = await asked();
    const first = await grant('olivia', granted);
    expect(await grant('olivia', granted)).toEqual(first);
    const denied = await asked();
    const deny = () => call('ruth', `/${denied.request.actionId}/deny`, { digest: denied.digest, comment: 'no' });
    const once = await deny();
    expect(once).toMatchObject({ status: 200, body: { status: 'denied', decidedBy: 'ruth', comment: 'no' } });
    expect(await deny()).toEqual(once);
    expect(await grant('ruth', denied)).toMatchObject({ status: 409, body: { code: 'already_decided' } });
  });

  it('of another tenant does not exist', async () => {
    const made = await asked();
    const foreign = await issuer.issuer.sign({
      sub: 'olivia',
      aud: 'countersign',
      azp: 'countersign-cli',
      roles: ['owner'],
      tenant: 'other',
    });
    const answer = await fetch(`${service.url}/v1/approvals/${made.request.actionId}`, {
      headers: { authorization: `Bearer ${foreign}` },
    });
    expect(answer.status).toBe(404);
  });
});

describe('policy', () => {
  it('lets a write run with a warrant that names nobody, and has no answer to a read', async () => {
    const write = await scene({ action: 'note' });
    await ask(write);
    const allowed = await eventually(write.request.actionId, 'ActionAllowed');
    expect(allowed.data).toMatchObject({ digest: write.digest, request: write.request });
    const read = await scene({ action: 'lookup' });
    await ask(read);
    const after = await asked({ runId: read.runId });
    expect(await eventsOf(after.request.actionId)).toHaveLength(1);
    expect(await eventsOf(read.request.actionId)).toEqual([]);
  });

  it.each<[string, Partial<ActionRequest>, string]>([
    ['an unknown connection', { connectionId: 'nowhere' }, 'unknown_connection'],
    ['an unknown action', { action: 'explode' }, 'unknown_action'],
    ['another manifest', { manifestVersion: 'c'.repeat(64) }, 'stale_request'],
    ['a playbook that nobody drafted', { playbookDigest: 'd'.repeat(64) }, 'unknown_playbook'],
  ])('rejects a request with %s, in the end', async (_, change, code) => {
    const made = await scene(change);
    await ask(made);
    expect((await eventually(made.request.actionId, 'ActionRejected')).data).toMatchObject({ code });
  });

  it('waits for a connection that it hears of a little later', async () => {
    const made = await scene({ connectionId: 'late' });
    await ask(made);
    await append('connection', 'connection-late', 'ConnectionRegistered', connection('late', 'firewall'));
    await eventually(made.request.actionId, 'ApprovalOpened');
  });
});

describe('an approval whose reason is gone', () => {
  it('is closed with its case, and its unspent warrant revoked', async () => {
    const open = await asked();
    await append('case', `case-${open.caseId}`, 'CaseOpened', {
      ...{ caseId: open.caseId, alertId: newId(), sourceId: newId(), source: 'siem', alertTitle: 'x', rule: 'r' },
      ...{ alertTime: new Date().toISOString(), alertSeverity: 'high', observables: [], attack: [] },
      ...{ verdict: 'unknown', score: 0, title: 'Phishing', severity: 'high' },
    });
    const shown = await until(async () => {
      const { body } = await call('olivia', `/${open.request.actionId}`);
      return body.case === null ? undefined : body.case;
    }, 'the case');
    expect(shown).toEqual({ caseId: open.caseId, title: 'Phishing', severity: 'high', status: 'new' });
    const granted = await asked({ caseId: open.caseId });
    await grant('olivia', granted);
    const closed = { caseId: open.caseId, from: 'new', to: 'closed', resolution: 'benign', comment: '' };
    await append('case', `case-${open.caseId}`, 'CaseStatusChanged', closed);
    await eventually(open.request.actionId, 'ApprovalDenied');
    expect((await eventually(granted.request.actionId, 'RevocationRequested')).data).toMatchObject({
      digest: granted.digest,
      request: granted.request,
    });
    const late = await scene({ caseId: open.caseId });
    await ask(late);
    expect((await eventually(late.request.actionId, 'ActionRejected')).data).toMatchObject({ code: 'case_closed' });
  });

  it('is closed when the run fails or withdraws it, and left alone when the action has begun', async () => {
    const begun = await asked();
    await grant('olivia', begun);
    const { actionId, runId, caseId } = begun.request;
    const about = { actionId, runId, caseId, stepId: 'action--1', connectionId: 'edge', action: 'block' };
    const spent = { digest: begun.digest, idempotencyKey: actionId, warrantId: newId(), approvers: ['olivia'] };
    await append('action', `action-${actionId}`, 'ActionStarted', { ...about, ...spent });
    const settled = `select settled from svc_approval.request_in_hand where approval_id = $1 and settled`;
    await until(async () => (await postgres.ownerPool().query(settled, [actionId])).rows[0], 'the action has begun');

    const waiting = await scene({ runId });
    await append('run', `run-${waiting.runId}`, 'RunStarted', {
      ...{ runId: waiting.runId, caseId: null, playbookId: 'p', playbookDigest: 'a'.repeat(64), playbookName: 'p' },
      ...{
        trigger: { kind: 'manual', eventId: null },
        variables: {},
        overridden: [],
        deadline: new Date().toISOString(),
      },
    }).catch(() => undefined);
    await ask({ ...waiting, request: { ...waiting.request, runId } });
    await eventually(waiting.request.actionId, 'ApprovalOpened');
    const failed = { runId, caseId: null, stepId: null, code: 'timeout', reason: 'too late' };
    await append('run', `run-${runId}`, 'RunFailed', failed);
    await eventually(waiting.request.actionId, 'ApprovalDenied');
    expect((await eventsOf(actionId)).map(({ type }) => type)).toEqual(['ApprovalOpened', 'ApprovalGranted']);
  });
});

describe('the activation of a playbook', () => {
  it('is asked of somebody else than who imported it, and ends when the playbook is retired', async () => {
    const { request, playbookDigest: digest } = await scene();
    const id = activationId('default', request.playbookId, digest);
    await eventually(id, 'ApprovalOpened');
    expect((await call('adam', `/${id}`)).body).toMatchObject({
      kind: 'activation',
      wording: `Activate the playbook Contain, version ${digest.slice(0, 12)}`,
      requester: human('ines'),
      excluded: ['ines'],
      you: { mayDecide: true },
    });
    const { body } = await call('adam', `/${id}/grant`, { digest, comment: '' });
    expect(body).toMatchObject({ status: 'granted', warrantExpiresAt: null });

    const other = await scene();
    const stream = other.request.playbookId.replace('playbook--', 'playbook-');
    const retired = { playbookId: other.request.playbookId, digest: other.playbookDigest, reason: 'old' };
    await append('playbook', stream, 'PlaybookRetired', retired, { actor: human('olivia') });
    await eventually(activationId('default', other.request.playbookId, other.playbookDigest), 'ApprovalDenied');
  });
});

describe('a warrant', () => {
  it('is revoked by an owner, once, and only where there is one', async () => {
    const made = await asked();
    const revoke = (subject: string) =>
      call(subject, `/${made.request.actionId}/revoke`, { reason: 'changed my mind' });
    expect(await revoke('olivia')).toMatchObject({ status: 409, body: { code: 'invalid_transition' } });
    await grant('olivia', made);
    expect(await revoke('adam')).toMatchObject({ status: 403, body: { code: 'permission_missing' } });
    expect(await revoke('ruth')).toMatchObject({ status: 200, body: { revocation: { by: 'ruth' } } });
    await revoke('ruth');
    expect((await eventsOf(made.request.actionId)).filter(({ type }) => type === 'RevocationRequested')).toHaveLength(
      1,
    );
  });
});

describe('the list', () => {
  it('is paged, filtered, counted, and says what is wrong with a query', async () => {
    const first = await call<{ items: ApprovalSummary[]; next?: string }>('arno', '?limit=2&kind=action');
    expect(first.body.items).toHaveLength(2);
    const second = await call<{ items: ApprovalSummary[] }>(
      'arno',
      `?limit=2&kind=action&cursor=${first.body.next ?? ''}`,
    );
    const ids = [...first.body.items, ...second.body.items].map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
    expect(await call('arno', '?cursor=nonsense')).toMatchObject({ status: 400, body: { code: 'invalid_cursor' } });
    expect(await call('arno', '?status=maybe')).toMatchObject({ status: 400, body: { code: 'invalid_field' } });
    const { body } = await call<ApprovalCounts>('arno', '/counts?kind=action');
    expect(body.granted).toBeGreaterThan(0);
    expect(body.rejected).toBeGreaterThan(0);
  });
});
