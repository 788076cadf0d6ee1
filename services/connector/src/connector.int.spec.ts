import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionRequest } from '#contracts/action';
import type { Category } from '#contracts/envelope';
import { createPostgresEventStore, headOf, type RecordedEvent } from '#libs/event-store';
import { deterministicId, type JsonObject, newId } from '#libs/kernel';
import { createLogger, type RunningService, startService, startTestIssuer, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { actionDigest, createKeyMaterial, type KeyPair, loadKeyPair, signWarrant } from '#libs/warrant';
import { CONNECTOR_CATALOGUE } from './adapters/connectors/catalogue';
import { service } from './service';
import { startTestTarget } from './test-target';

const postgres = useMigratedPostgres(service);
const DIGEST = 'd'.repeat(64);

let folder: string;
let issuer: TestIssuer;
let running: RunningService;
let target: Awaited<ReturnType<typeof startTestTarget>>;
let keys: KeyPair;
let admin: { authorization: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-connector-'));
  await createKeyMaterial(join(folder, 'keys'), new Date(Date.now() - 60_000));
  const files = { keysFolder: join(folder, 'keys'), rootPublicKeyFile: join(folder, 'keys', 'root.public.pem') };
  keys = await loadKeyPair(files, 'warrant');
  await mkdir(join(folder, 'secrets'));
  await writeFile(join(folder, 'secrets', 'target@1'), 'the-token\n');
  target = await startTestTarget();
  issuer = await startTestIssuer();
  admin = await issuer.headersFor('root');
  running = await start();
  await append('approval', 'policy', 'policy-keys', 'SigningKeyPublished', { ...keys.published });
  for (const connector of CONNECTOR_CATALOGUE.keys()) await connect(connector);
});
afterAll(async () => {
  await running.stop();
  await issuer.stop();
  await target.stop();
  await rm(folder, { recursive: true });
});

function start(): Promise<RunningService> {
  const env = {
    COUNTERSIGN_PROFILE: 'development',
    LEDGER_URL: postgres.appUrl,
    CONNECTOR_PORT: '0',
    CONNECTOR_LEASE_MS: '600',
    OIDC_ISSUER: issuer.url,
    COUNTERSIGN_DATA: folder,
    COUNTERSIGN_SECRETS_DIR: join(folder, 'secrets'),
  };
  return startService(service, { env, logger: createLogger('silent') });
}

const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = admin) => {
  const response = await fetch(running.url + path, {
    method,
    headers: { ...headers, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as JsonObject };
};

const registration = (connector: string, extra: JsonObject = {}) => ({
  connector,
  name: `The ${connector}`,
  settings: { baseUrl: target.url, token: 'secret://target@1', ...extra },
  allowedHosts: [target.host],
});
const connect = async (connector: string) => {
  const { status } = await call('PUT', `/v1/connections/${connector}`, registration(connector));
  expect(status).toBe(200);
};

/** Appends as another service would: with that service's own role. */
async function append(
  role: Parameters<typeof postgres.pool>[0],
  category: Category,
  stream: string,
  type: string,
  data: object,
): Promise<void> {
  const store = createPostgresEventStore({ pool: postgres.pool(role) });
  const history = await store.readStream(category, stream);
  const id = newId();
  const json: JsonObject = JSON.parse(JSON.stringify(data));
  const event = { id, type, schemaVersion: 1, time: new Date().toISOString(), data: json, meta: { correlationId: id } };
  const result = await store.append([
    {
      category,
      stream,
      tenant: 'default',
      expected: headOf(history),
      events: [{ ...event, actor: { kind: 'service', id: role } }],
    },
  ]);
  expect(result.status).toBe('appended');
}

function requestFor(connector: string, action: string, extra: Partial<ActionRequest> = {}): ActionRequest {
  const entry = CONNECTOR_CATALOGUE.get(connector);
  return {
    actionId: newId(),
    runId: deterministicId('run', 'of-the-test'),
    caseId: null,
    stepId: 'action--1',
    playbookId: 'playbook--1',
    playbookDigest: DIGEST,
    connectionId: connector,
    connectionVersion: 1,
    connector,
    manifestVersion: entry?.version ?? '',
    action,
    target: null,
    parameters: {},
    title: 'A step',
    reason: '',
    timeoutMs: 5_000,
    ...extra,
  };
}
const block = () => requestFor('firewall', 'block_address', { target: { type: 'ipv4-addr', value: '203.0.113.7' } });
const post = () => requestFor('chat', 'post_message', { parameters: { channel: '#soc', text: 'hello' } });

function warrantFor(request: ActionRequest, approvers: string[] = ['olivia'], validForS = 600): string {
  const now = Math.floor(Date.now() / 1000);
  const effect = approvers.length > 0 ? 'disruptive' : 'write';
  return signWarrant(
    {
      iss: 'countersign-approval',
      jti: newId(),
      tenant: 'default',
      actionId: request.actionId,
      digest: actionDigest('default', request),
      effect,
      approvers,
      policyVersion: '1',
      iat: now - 1_000,
      nbf: now - 1_000,
      exp: now + validForS,
    },
    keys,
  );
}

async function dispatch(request: ActionRequest, warrant: string | null): Promise<void> {
  const { runId, caseId, stepId, actionId } = request;
  const data = { runId, caseId, stepId, actionId, request, warrant };
  await append('playbook-orchestrator', 'run', `run-${newId()}`, 'ActionDispatched', data);
}

async function endOf(request: ActionRequest): Promise<RecordedEvent[]> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const events = await running.context.store.readStream('action', `action-${request.actionId}`);
    const last = events.at(-1);
    if (last && last.type !== 'ActionStarted') return events;
    if (Date.now() > deadline) throw new Error(`action ${request.actionId} has no end`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const typesOf = (events: RecordedEvent[]) => events.map((event) => event.type);

describe('a warranted action', () => {
  it('reaches the target once, with key, token and outputs', async () => {
    target.behave(() => ({ status: 201, body: { rule_id: 'rule-1' } }));
    const request = block();
    await dispatch(request, warrantFor(request));
    const events = await endOf(request);
    expect(typesOf(events)).toEqual(['ActionStarted', 'ActionSucceeded']);
    expect(events[0]?.data).toMatchObject({ approvers: ['olivia'], idempotencyKey: request.actionId });
    expect(events[1]?.data).toMatchObject({ attempts: 1, outputs: { rule_id: 'rule-1' } });
    expect(target.seen).toHaveLength(1);
    expect(target.seen[0]?.headers).toMatchObject({
      authorization: 'Bearer the-token',
      'idempotency-key': request.actionId,
    });
    expect(JSON.parse(target.seen[0]?.body ?? '')).toEqual({ action: 'deny', address: '203.0.113.7' });
    expect(await running.context.readModels.caughtUpWith(events)).toBe(true);
    const shown = await call('GET', `/v1/actions/${request.actionId}`);
    expect(shown.body).toMatchObject({ status: 'succeeded', approvers: ['olivia'] });
  });

  it('needs none for a read', async () => {
    target.behave(() => ({ status: 200, body: { verdict: 'malicious', score: 90, known: true } }));
    const request = requestFor('intel', 'lookup', { target: { type: 'ipv4-addr', value: '203.0.113.7' } });
    await dispatch(request, null);
    expect((await endOf(request)).at(-1)?.data).toMatchObject({
      outputs: { verdict: 'malicious', score: 90, known: true },
    });
  });

  it('is performed once when it is dispatched twice', async () => {
    target.behave(() => ({ status: 201, body: { message_id: 'm-1' } }));
    const request = post();
    const warrant = warrantFor(request, []);
    await dispatch(request, warrant);
    await dispatch(request, warrant);
    await endOf(request);
    const other = post();
    await dispatch(other, warrantFor(other, []));
    await endOf(other);
    expect(target.seen).toHaveLength(2);
  });
});

describe('what is refused before anything is called', () => {
  const refusals: [string, () => [ActionRequest, string | null], string][] = [
    ['no warrant', () => [block(), null], 'warrant_missing'],
    ['a warrant for another action', () => [block(), warrantFor(block())], 'warrant_invalid'],
    [
      'a disruptive action that no human granted',
      () => {
        const request = block();
        return [request, warrantFor(request, [])];
      },
      'warrant_invalid',
    ],
    [
      'an expired warrant',
      () => {
        const request = block();
        return [request, warrantFor(request, ['olivia'], -10)];
      },
      'warrant_expired',
    ],
    [
      'a target that was changed after the grant',
      () => {
        const request = block();
        return [{ ...request, target: { type: 'ipv4-addr', value: '198.51.100.1' } }, warrantFor(request)];
      },
      'warrant_invalid',
    ],
    ['an unknown connection', () => [{ ...block(), connectionId: 'nowhere' }, null], 'unknown_connection'],
    ['an older version of the connection', () => [{ ...block(), connectionVersion: 7 }, null], 'stale_request'],
    ['an action that the connector does not have', () => [{ ...block(), action: 'melt' }, null], 'unknown_action'],
    [
      'a target of the wrong type',
      () => [{ ...block(), target: { type: 'account', value: 'x' } }, null],
      'invalid_field',
    ],
    ['an unknown parameter', () => [{ ...block(), parameters: { force: true } }, null], 'unknown_field'],
  ];
  it.each(refusals)('%s', async (_, make, code) => {
    target.behave(() => ({ status: 201, body: {} }));
    const [request, warrant] = make();
    await dispatch(request, warrant);
    const events = await endOf(request);
    expect(typesOf(events)).toEqual(['ActionRefused']);
    expect(events[0]?.data).toMatchObject({ code });
    expect(target.seen).toHaveLength(0);
  });

  it('a revoked action', async () => {
    target.behave(() => ({ status: 201, body: {} }));
    const request = block();
    const data = {
      approvalId: request.actionId,
      kind: 'action',
      digest: DIGEST,
      request,
      reason: 'The case was closed.',
      caseId: null,
    };
    await append('approval', 'approval', `approval-${request.actionId}`, 'RevocationRequested', data);
    expect((await endOf(request))[0]).toMatchObject({ type: 'ActionRefused', data: { code: 'warrant_revoked' } });
    await dispatch(request, warrantFor(request));
    const next = post();
    await dispatch(next, warrantFor(next, []));
    await endOf(next);
    expect(typesOf(await endOf(request))).toEqual(['ActionRefused']);
    expect(target.seen.map((seen) => seen.path)).toEqual(['/messages']);
  });
});

describe('a signing key that the root does not vouch for', () => {
  it('never enters, and stops no action that has a good warrant', async () => {
    const forged = { ...keys.published, keyId: 'forged', rootSignature: 'A'.repeat(86) };
    await append('approval', 'policy', 'policy-keys', 'SigningKeyPublished', forged);
    const letters = () =>
      postgres.ownerPool().query(`select code from bus.dead_letter where topic = 'countersign.policy'`);
    const deadline = Date.now() + 20_000;
    while ((await letters()).rowCount === 0 && Date.now() < deadline) await new Promise((wait) => setTimeout(wait, 20));
    expect((await letters()).rows).toEqual([{ code: 'signing_key_invalid' }]);
    target.behave(() => ({ status: 201, body: { rule_id: 'rule-1' } }));
    const request = block();
    await dispatch(request, warrantFor(request));
    expect(typesOf(await endOf(request))).toEqual(['ActionStarted', 'ActionSucceeded']);
  });
});

describe('when the target behaves badly', () => {
  it('tries again under the same key while it is busy', async () => {
    target.behave((nth) => (nth < 3 ? { status: 503, body: {} } : { status: 201, body: { rule_id: 'r' } }));
    const request = block();
    await dispatch(request, warrantFor(request));
    expect((await endOf(request)).at(-1)).toMatchObject({ type: 'ActionSucceeded', data: { attempts: 3 } });
    expect(new Set(target.seen.map((seen) => seen.headers['idempotency-key']))).toEqual(new Set([request.actionId]));
  });

  it('says that the outcome is unknown when a target without idempotency breaks off, and does not call again', async () => {
    target.behave(() => 'break-off');
    const request = post();
    await dispatch(request, warrantFor(request, []));
    expect((await endOf(request)).at(-1)).toMatchObject({
      type: 'ActionOutcomeUnknown',
      data: { attempts: 1, code: 'outcome_unknown' },
    });
    expect(target.seen).toHaveLength(1);
  });

  it('calls again when a target that honours the key breaks off', async () => {
    target.behave((nth) => (nth === 1 ? 'break-off' : { status: 201, body: { rule_id: 'r' } }));
    const request = block();
    await dispatch(request, warrantFor(request));
    expect((await endOf(request)).at(-1)).toMatchObject({ type: 'ActionSucceeded', data: { attempts: 2 } });
  });

  it('fails at once when the target refuses', async () => {
    target.behave(() => ({ status: 422, body: { error: 'no such rule set' } }));
    const request = block();
    await dispatch(request, warrantFor(request));
    const last = (await endOf(request)).at(-1);
    expect(last).toMatchObject({ type: 'ActionFailed', data: { attempts: 1, code: 'target_refused' } });
    expect(String(last?.data['reason'])).toContain('no such rule set');
  });

  it('gives up in time on a target that never answers', async () => {
    target.behave(() => 'hang');
    const request = { ...post(), timeoutMs: 300 };
    await dispatch(request, warrantFor(request, []));
    expect((await endOf(request)).at(-1)).toMatchObject({ type: 'ActionOutcomeUnknown' });
  });
});

describe('after a connector died in the middle of a call', () => {
  /** What a kill -9 between the call and its record leaves behind: ActionStarted, and a lease that nobody renews. */
  async function leftBehind(request: ActionRequest, warrant: string): Promise<void> {
    const { actionId, runId, caseId, stepId, connectionId, action } = request;
    const digest = actionDigest('default', request);
    await append('connector', 'action', `action-${actionId}`, 'ActionStarted', {
      ...{ actionId, runId, caseId, stepId, connectionId, action, digest },
      ...{ idempotencyKey: actionId, warrantId: null, approvers: [] },
    });
    const payload = JSON.stringify({ request, warrant, meta: { correlationId: newId(), causationId: newId() } });
    await postgres.pool('connector').query(
      `insert into svc_connector.job (id, kind, tenant, payload, due_at, status, lease_owner, lease_until, attempt)
       values ($1, 'action', 'default', $2, now(), 'leased', 'the dead one', now(), 1)`,
      [actionId, payload],
    );
  }

  it('never repeats a call to a target that ignores the key', async () => {
    target.behave(() => ({ status: 201, body: {} }));
    const request = post();
    await leftBehind(request, warrantFor(request, []));
    expect((await endOf(request)).at(-1)?.type).toBe('ActionOutcomeUnknown');
    expect(target.seen).toHaveLength(0);
  });

  it('calls a target that honours the key again, under the same key', async () => {
    target.behave(() => ({ status: 201, body: { rule_id: 'r' } }));
    const request = block();
    await leftBehind(request, warrantFor(request));
    expect((await endOf(request)).at(-1)?.type).toBe('ActionSucceeded');
    expect(target.seen[0]?.headers['idempotency-key']).toBe(request.actionId);
  });
});

describe('connections', () => {
  const cases: [string, () => unknown, string, string][] = [
    ['a credential written out', () => registration('chat', { token: 'hunter2' }), 'invalid_field', 'settings.token'],
    ['an unknown connector', () => ({ ...registration('chat'), connector: 'telepathy' }), 'invalid_field', 'connector'],
    [
      'a host that is not listed',
      () => ({ ...registration('chat'), allowedHosts: ['chat.example.test'] }),
      'invalid_field',
      'allowedHosts',
    ],
    ['an unknown setting', () => registration('chat', { colour: 'red' }), 'unknown_field', 'settings.colour'],
  ];
  it.each(cases)('refuses %s', async (_, body, code, field) => {
    const answer = await call('PUT', '/v1/connections/new-one', body());
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code, field });
  });

  it('counts the version up with every change, and leaves it when nothing changed', async () => {
    const put = (body: unknown) => call('PUT', '/v1/connections/counting', body);
    expect((await put(registration('chat'))).body['version']).toBe(1);
    expect((await put(registration('chat'))).body['version']).toBe(1);
    expect((await put({ ...registration('chat'), name: 'Another' })).body['version']).toBe(2);
  });

  it('is for admins alone', async () => {
    const answer = await call('PUT', '/v1/connections/chat', registration('chat'), await issuer.headersFor('olivia'));
    expect(answer.body).toMatchObject({ status: 403, code: 'permission_missing' });
  });
});
