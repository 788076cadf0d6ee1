import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { ActionManifest, ActionRequest } from '#contracts/action';
import { type Actor, type Category, CATEGORY_OWNERS, serviceActor, type ServiceName } from '#contracts/envelope';
import type { PlaybookImported, PlaybookView } from '#contracts/http/playbook-orchestrator';
import { createPostgresEventStore, type EventStore, headOf, type RecordedEvent } from '#libs/event-store';
import { deterministicId, type DomainEvent, type JsonObject, newId } from '#libs/kernel';
import { rebuildable, rebuildReadModel } from '#libs/local';
import type { RebuildReport } from '#libs/read-model';
import { createLogger, type RunningService, startService, startTestIssuer, type TestIssuer } from '#libs/service';
import { actionDigest, createKeyMaterial, loadKeyPair, signWarrant } from '#libs/warrant';
import { service } from './service';

const TENANT = 'default';
const DIGEST = 'd'.repeat(64);
/** The database of the spec file, as `useMigratedPostgres` gives it. */
interface MigratedPostgres {
  readonly appUrl: string;
  readonly ownerUrl: string;
  pool(service: ServiceName): Pool;
}
type Answer<T> = { readonly status: number; readonly body: T };

/** The orchestrator as it really runs, between the other services' events, which the test appends in their names. */
export class OrchestratorHarness {
  private readonly stores = new Map<Category, EventStore>();

  private constructor(
    private readonly postgres: MigratedPostgres,
    private readonly folder: string,
    readonly issuer: TestIssuer,
    private running: RunningService,
  ) {}

  static async start(postgres: MigratedPostgres): Promise<OrchestratorHarness> {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-orchestrator-'));
    await createKeyMaterial(folder, new Date());
    const issuer = await startTestIssuer();
    return new OrchestratorHarness(postgres, folder, issuer, await run(postgres, folder, issuer));
  }

  async restart(): Promise<void> {
    await this.running.stop();
    this.running = await run(this.postgres, this.folder, this.issuer);
  }

  /** Rebuilds every read model below the running service. */
  async rebuild(): Promise<RebuildReport[]> {
    const { personalKeysFile } = this.running.context.settings;
    const reports: RebuildReport[] = [];
    for (const projection of rebuildable(service)) {
      reports.push(await rebuildReadModel({ url: this.postgres.ownerUrl, service, projection, personalKeysFile }));
    }
    return reports;
  }

  async stop(): Promise<void> {
    await this.running.stop();
    await this.issuer.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Appends an event as the service that owns the category. */
  async append(category: Category, stream: string, event: DomainEvent, actor?: Actor): Promise<RecordedEvent> {
    const owner = CATEGORY_OWNERS[category];
    const store = this.stores.get(category) ?? createPostgresEventStore({ pool: this.postgres.pool(owner) });
    this.stores.set(category, store);
    const result = await store.append([
      {
        category,
        stream,
        tenant: TENANT,
        expected: headOf(await store.readStream(category, stream)),
        events: [
          {
            id: newId(),
            type: event.type,
            schemaVersion: 1,
            time: new Date().toISOString(),
            actor: actor ?? serviceActor(owner),
            data: event.data as JsonObject,
            meta: { correlationId: newId() },
          },
        ],
      },
    ]);
    const [appended] = result.status === 'appended' ? result.events : [];
    if (appended === undefined) throw new Error(`${event.type} was not appended`);
    return appended;
  }

  async publishKey(): Promise<void> {
    const { published } = await loadKeyPair(this.running.context.settings, 'warrant');
    await this.append('policy', 'policy-keys', { type: 'SigningKeyPublished', data: published });
  }

  /** A warrant for exactly this request, as the approval service would sign it. */
  async warrantFor(request: ActionRequest, approvers: readonly string[]): Promise<string> {
    const pair = await loadKeyPair(this.running.context.settings, 'warrant');
    const now = Math.floor(Date.now() / 1000);
    return signWarrant(
      {
        iss: 'countersign-approval',
        jti: newId(),
        tenant: TENANT,
        actionId: request.actionId,
        digest: actionDigest(TENANT, request),
        effect: approvers.length > 0 ? 'disruptive' : 'write',
        approvers: [...approvers],
        policyVersion: '1',
        iat: now,
        nbf: now - 60,
        exp: now + 600,
      },
      pair,
    );
  }

  /** Registers the connections that the shipped playbooks use. */
  async registerConnections(): Promise<void> {
    for (const [connector, actions] of Object.entries(CONNECTORS)) await this.registerConnection(connector, actions);
  }

  async registerConnection(
    connector: string,
    actions: Readonly<Record<string, ActionManifest['effect']>>,
  ): Promise<void> {
    const manifest = {
      ...{ connector, title: connector, description: '', settings: {} },
      actions: Object.entries(actions).map(([name, effect]) => ({
        ...{ name, effect, title: name, description: '', inverse: null, idempotent: true, preview: false },
        ...{ targetTypes: ['ipv4-addr', 'account'], input: {}, output: {}, wording: name },
      })),
    };
    const published = { connector, version: DIGEST, manifest };
    await this.append('connection', `connection-manifest-${connector}`, { type: 'ManifestPublished', data: published });
    const registered = {
      connectionId: connector,
      connector,
      name: connector,
      version: 1,
      settings: {},
      allowedHosts: ['x'],
    };
    await this.append('connection', `connection-${connector}`, { type: 'ConnectionRegistered', data: registered });
  }

  async openCase(about: JsonObject = {}): Promise<string> {
    const caseId = newId();
    const opened = { ...alertData(caseId), title: 'SSH brute force', severity: 'high', rule: 'by-address', ...about };
    await this.append('case', `case-${caseId}`, { type: 'CaseOpened', data: opened });
    return caseId;
  }

  async groupAlert(caseId: string): Promise<RecordedEvent> {
    const data = { ...alertData(caseId), rule: 'by-address' };
    return this.append('case', `case-${caseId}`, { type: 'AlertGrouped', data });
  }

  /** Grants (or otherwise answers) the activation of a version, as the approval service would. */
  async answerActivation(playbookId: string, digest: string, type = 'ApprovalGranted'): Promise<void> {
    const approvalId = deterministicId('activation', TENANT, playbookId, digest);
    const data = { approvalId, kind: 'activation', digest, comment: '', caseId: null };
    const granted = type === 'ApprovalGranted' ? { approvers: ['adam'], warrant: null } : {};
    const { comment: _comment, ...withoutComment } = data;
    await this.append(
      'approval',
      `approval-${approvalId}`,
      { type, data: type === 'ApprovalExpired' ? withoutComment : { ...data, ...granted } },
      { kind: 'human', id: 'adam' },
    );
  }

  /** Answers the request of an action. `warrant`: instead of the right one. */
  async grant(request: ActionRequest, warrant?: string): Promise<void> {
    const { actionId, caseId } = request;
    const approvers = ['olivia'];
    const data = {
      ...{
        approvalId: actionId,
        kind: 'action',
        digest: actionDigest(TENANT, request),
        approvers,
        comment: '',
        caseId,
      },
      warrant: warrant ?? (await this.warrantFor(request, approvers)),
    };
    await this.append('approval', `approval-${actionId}`, { type: 'ApprovalGranted', data });
  }

  async deny(request: ActionRequest, type: 'ApprovalDenied' | 'ApprovalExpired' = 'ApprovalDenied'): Promise<void> {
    const { actionId, caseId } = request;
    const common = { approvalId: actionId, kind: 'action', digest: actionDigest(TENANT, request), caseId };
    const data = type === 'ApprovalDenied' ? { ...common, comment: 'not now' } : common;
    await this.append('approval', `approval-${actionId}`, { type, data });
  }

  async allow(request: ActionRequest): Promise<void> {
    const { actionId, runId, caseId } = request;
    const data = {
      ...{
        approvalId: actionId,
        kind: 'action',
        digest: actionDigest(TENANT, request),
        actionId,
        runId,
        caseId,
        request,
      },
      ...{ warrant: await this.warrantFor(request, []), policyVersion: '1' },
    };
    await this.append('approval', `approval-${actionId}`, { type: 'ActionAllowed', data });
  }

  /** What the connector says of an action. */
  async end(request: ActionRequest, event: DomainEvent<string, JsonObject>): Promise<void> {
    const { actionId, runId, caseId, stepId, connectionId, action } = request;
    const data = { actionId, runId, caseId, stepId, connectionId, action, ...event.data };
    await this.append('action', `action-${actionId}`, { type: event.type, data });
  }

  succeed(request: ActionRequest, outputs: JsonObject = {}): Promise<void> {
    return this.end(request, { type: 'ActionSucceeded', data: { attempts: 1, outputs } });
  }

  async call<T = JsonObject>(
    method: string,
    path: string,
    as: string,
    body?: unknown,
    headers = {},
  ): Promise<Answer<T>> {
    const authorization = await this.issuer.headersFor(as);
    return this.send(method, path, { ...authorization, ...headers }, body);
  }

  async send<T = JsonObject>(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: unknown,
  ): Promise<Answer<T>> {
    const answer = await fetch(`${this.running.url}${path}`, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as T };
  }

  importText(text: string, as = 'ines'): Promise<Answer<PlaybookImported>> {
    return this.call<PlaybookImported>('POST', '/v1/playbooks', as, { text, format: 'yaml' });
  }

  /** Imports a playbook and has another human activate it. */
  async activate(text: string): Promise<PlaybookImported> {
    const { body: imported } = await this.importText(text);
    await this.answerActivation(imported.playbookId, imported.digest);
    await eventually(async () => {
      const { body } = await this.call<PlaybookView>('GET', `/v1/playbooks/${imported.playbookId}`, 'arno');
      return body.activeDigest === imported.digest ? true : undefined;
    }, 'the activation');
    return imported;
  }

  runEvents(runId: string): Promise<RecordedEvent[]> {
    return this.running.context.store.readStream('run', `run-${runId}`);
  }

  /** The request of a step's action, once the run has made it. */
  async requested(runId: string, action: string): Promise<ActionRequest> {
    return eventually(async () => {
      const events = await this.runEvents(runId);
      const found = events.find(({ type, data }) => type === 'ActionRequested' && requestIn(data).action === action);
      return found && requestIn(found.data);
    }, `a request of ${action}`);
  }

  /** The run's stream, once it has an event of this type (for a step's action). */
  async until(runId: string, type: string, count = 1): Promise<RecordedEvent[]> {
    return eventually(async () => {
      const events = await this.runEvents(runId);
      return events.filter((event) => event.type === type).length >= count ? events : undefined;
    }, `${count} ${type}`);
  }
}

const requestIn = (data: JsonObject): ActionRequest => data.request as unknown as ActionRequest;

/** Waits for a condition; the test's own timeout is the last resort. */
export async function eventually<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  const until = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`waited in vain for ${what}`);
    await pause(25);
  }
}

export const shipped = (file: string): string => readFileSync(join(__dirname, '../playbooks', file), 'utf8');

function run(postgres: MigratedPostgres, keysFolder: string, issuer: TestIssuer): Promise<RunningService> {
  return startService(service, {
    env: {
      COUNTERSIGN_PROFILE: 'development',
      LEDGER_URL: postgres.appUrl,
      PLAYBOOK_ORCHESTRATOR_PORT: '0',
      OIDC_ISSUER: issuer.url,
      COUNTERSIGN_KEYS_DIR: keysFolder,
    },
    logger: createLogger('silent'),
  });
}

const CONNECTORS = {
  intel: { lookup: 'read' },
  ticketing: { create_ticket: 'write' },
  chat: { post_message: 'write' },
  firewall: { block_address: 'disruptive' },
  identity: { disable_account: 'disruptive' },
} as const;

function alertData(caseId: string): JsonObject {
  const observable = (type: string, type_id: number, value: string, verdict: string): JsonObject => ({
    ...{
      type,
      type_id,
      value,
      verdict,
      name: `evidences[0].src_endpoint.${type}`,
      score: verdict === 'malicious' ? 95 : 0,
      lists: [],
    },
  });
  return {
    caseId,
    alertId: newId(),
    sourceId: newId(),
    source: 'siem',
    alertTitle: 'Many failed log-ins',
    alertTime: '2026-11-24T12:00:00.000Z',
    alertSeverity: 'high',
    observables: [observable('ip', 2, '203.0.113.7', 'malicious'), observable('username', 4, 'jdoe', 'unknown')],
    attack: ['T1110.001'],
    verdict: 'malicious',
    score: 95,
  };
}
