import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionRequest, ConnectorManifest, Effect } from '#contracts/action';
import { CATEGORY_OWNERS, serviceActor, type Actor, type Category, type ServiceName } from '#contracts/envelope';
import type { ApprovalDetail } from '#contracts/http/approval';
import {
  canonicalJson,
  createPostgresEventStore,
  headOf,
  type EventStore,
  type RecordedEvent,
} from '#libs/event-store';
import { newId, type JsonObject } from '#libs/kernel';
import { repositoryRoot } from '#libs/local';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import type { Pool } from 'pg';
import { actionDigest, createKeyMaterial } from '#libs/warrant';
import { service as approvalService } from '../service';

/** A playbook that ines imported, a run of it, and a request of that run. */
export interface Scene {
  readonly request: ActionRequest;
  readonly digest: string;
  readonly runId: string;
  readonly caseId: string;
  readonly playbookDigest: string;
}

/** What most calls answer: the approval, or a problem. */
export type Decided = ApprovalDetail & { code?: string; detail?: string };

export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

/** What `block` asks, but with two humans, or with a second to decide. */
const EXCEPTIONS = `
exceptions:
  - { action: block_twice, approval: { roles: [owner], grants: 2, deadline: 1h } }
  - { action: block_soon, approval: { roles: [owner], deadline: 1s } }
`;

export const human = (id: string): Actor => ({ kind: 'human', id });

function action(name: string, effect: Effect): ConnectorManifest['actions'][number] {
  const text = { name, title: name, description: '', wording: `${name} {target.value}` };
  return { ...text, effect, inverse: null, idempotent: true, preview: false, targetTypes: [], input: {}, output: {} };
}
const manifest: ConnectorManifest = {
  connector: 'firewall',
  title: 'Firewall',
  description: '',
  settings: {},
  actions: [
    ...['block', 'block_twice', 'block_soon'].map((name) => action(name, 'disruptive')),
    action('note', 'write'),
    action('lookup', 'read'),
  ],
};
const manifestVersion = createHash('sha256').update(canonicalJson(manifest)).digest('hex');

export const connection = (connectionId: string): JsonObject => ({
  connectionId,
  connector: 'firewall',
  name: 'Edge firewall',
  version: 1,
  settings: {},
  allowedHosts: ['fw.example.org'],
});

/** A migrated database, as libs/testing makes one. */
interface Ledger {
  readonly appUrl: string;
  pool(service: ServiceName): Pool;
  ownerPool(): Pool;
}

/**
 * The real service on a real ledger, and everybody around it: other services by what they append, people by HTTP.
 * @param makeLedger is called in between, because hooks run in the order in which they are declared: the service must
 * have stopped when its database is dropped.
 */
export function useApprovalService(makeLedger: () => Ledger): ApprovalSurroundings {
  const surroundings = new ApprovalSurroundings();
  afterAll(() => surroundings.close());
  const ledger = makeLedger();
  beforeAll(() => surroundings.open(ledger));
  return surroundings;
}

export class ApprovalSurroundings {
  private readonly stores = new Map<ServiceName, EventStore>();
  private folder = '';
  private running: RunningService | undefined;
  private tokens: TestIssuer | undefined;
  private ledger: Ledger | undefined;

  async open(ledger: Ledger): Promise<void> {
    this.ledger = ledger;
    this.folder = await mkdtemp(join(tmpdir(), 'countersign-approval-'));
    await createKeyMaterial(this.folder, new Date());
    const shipped = await readFile(join(repositoryRoot, 'services', 'approval', 'policy.yaml'), 'utf8');
    await writeFile(join(this.folder, 'policy.yaml'), shipped.replace(/^exceptions: .*$/m, EXCEPTIONS));
    this.tokens = await startTestIssuer();
    await this.start();
    const published = { connector: 'firewall', version: manifestVersion, manifest: manifest as unknown as JsonObject };
    await this.append('connection', 'connection-manifest-firewall', 'ManifestPublished', published);
    await this.append('connection', 'connection-edge', 'ConnectionRegistered', connection('edge'));
  }

  async close(): Promise<void> {
    await this.running?.stop();
    await Promise.all([...this.stores.values()].map((store) => store.close()));
    await this.tokens?.stop();
    await rm(this.folder, { recursive: true });
  }

  async start(): Promise<void> {
    const env = {
      COUNTERSIGN_PROFILE: 'development',
      LEDGER_URL: this.postgres.appUrl,
      APPROVAL_PORT: '0',
      OIDC_ISSUER: this.issuer.url,
      COUNTERSIGN_KEYS_DIR: this.folder,
      COUNTERSIGN_POLICY_FILE: join(this.folder, 'policy.yaml'),
      APPROVAL_PATIENCE_MS: '1500',
    };
    this.running = await startService(approvalService, { env, logger: createLogger('silent') });
  }

  get service(): RunningService {
    if (this.running === undefined) throw new Error('The service has not started');
    return this.running;
  }

  get postgres(): Ledger {
    if (this.ledger === undefined) throw new Error('There is no database yet');
    return this.ledger;
  }

  get issuer(): TestIssuer {
    if (this.tokens === undefined) throw new Error('The issuer has not started');
    return this.tokens;
  }

  /** Appends as the service that owns the category, as its own database role. */
  async append(
    category: Category,
    stream: string,
    type: string,
    data: JsonObject,
    { actor, tenant = 'default' }: { actor?: Actor; tenant?: string } = {},
  ): Promise<RecordedEvent> {
    const owner = CATEGORY_OWNERS[category];
    const store = this.stores.get(owner) ?? createPostgresEventStore({ pool: this.postgres.pool(owner) });
    this.stores.set(owner, store);
    const expected = headOf(await store.readStream(category, stream));
    const time = new Date().toISOString();
    const by = actor ?? serviceActor(owner);
    const event = { id: newId(), type, schemaVersion: 1, time, actor: by, data, meta: { correlationId: 'story-1' } };
    const result = await store.append([{ category, stream, tenant, expected, events: [event] }]);
    const [recorded] = result.status === 'appended' ? result.events : [];
    if (recorded === undefined) throw new Error(`${type} was not appended: ${result.status}`);
    return recorded;
  }

  /** Everything up to the request, which is made but not asked yet. */
  async scene(change: Partial<ActionRequest> = {}, starter?: Actor): Promise<Scene> {
    const [runId, caseId, actionId, playbook] = [newId(), newId(), newId(), newId()];
    const playbookDigest = createHash('sha256').update(playbook).digest('hex');
    const playbookId = `playbook--${playbook}`;
    const drafted = { playbookId, digest: playbookDigest, name: 'Contain', document: {}, origin: 'import' };
    await this.append('playbook', `playbook-${playbook}`, 'PlaybookDrafted', drafted, { actor: human('ines') });
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
    await this.append('run', `run-${runId}`, 'RunStarted', started, { actor: starter });
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

  async ask({ request }: Scene): Promise<RecordedEvent> {
    const { actionId, runId, caseId, stepId } = request;
    const data = { runId, caseId, stepId, actionId, request: request as unknown as JsonObject };
    return this.append('run', `run-${runId}`, 'ActionRequested', data);
  }

  /** A request that waits for people. */
  async asked(change: Partial<ActionRequest> = {}, starter?: Actor): Promise<Scene> {
    const made = await this.scene(change, starter);
    await this.ask(made);
    await this.eventually(made.request.actionId, 'ApprovalOpened');
    return made;
  }

  eventsOf(approvalId: string): Promise<RecordedEvent[]> {
    return this.service.context.store.readStream('approval', `approval-${approvalId}`);
  }

  async typesOf(approvalId: string): Promise<string[]> {
    return (await this.eventsOf(approvalId)).map(({ type }) => type);
  }

  /** Waits until the approval's stream holds an event of this type. */
  eventually(approvalId: string, type: string): Promise<RecordedEvent> {
    const look = async () => (await this.eventsOf(approvalId)).find((event) => event.type === type);
    return until(look, `${type} of ${approvalId}`);
  }

  async call<Body = Decided>(subject: string, path: string, body?: JsonObject): Promise<Answer<Body>> {
    const headers = await this.issuer.headersFor(subject);
    return this.callAs<Body>(headers.authorization, path, body);
  }

  async callAs<Body = Decided>(authorization: string, path: string, body?: JsonObject): Promise<Answer<Body>> {
    const answer = await fetch(`${this.service.url}/v1/approvals${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Body };
  }

  grant(subject: string, { request, digest }: Scene, comment = 'go'): Promise<Answer<Decided>> {
    return this.call(subject, `/${request.actionId}/grant`, { digest, comment });
  }

  deny(subject: string, { request, digest }: Scene, comment = 'no'): Promise<Answer<Decided>> {
    return this.call(subject, `/${request.actionId}/deny`, { digest, comment });
  }
}

export async function until<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`not seen within 20 s: ${what}`);
}
