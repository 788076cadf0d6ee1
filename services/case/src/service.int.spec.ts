import { setTimeout as wait } from 'node:timers/promises';
import type { AlertEnriched } from '#contracts/alert';
import { serviceActor } from '#contracts/envelope';
import type { AlertView, CaseSummary, CaseView, EventView, TimelineEntry } from '#contracts/http/case';
import { type Bus, type BusMessage, createBus, ENRICHED_ALERTS_TOPIC } from '#libs/bus';
import { createPostgresEventStore, NO_STREAM, type EventStore } from '#libs/event-store';
import { deterministicId, type JsonObject, newId } from '#libs/kernel';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlertIntake } from './app/alert-intake';
import { alertIdOf, alertOf, type AlertSketch, host, receiptIdOf, user } from './domain/alert.fixture';
import { service as caseService } from './service';

const postgres = useMigratedPostgres(caseService);
const folder = mkdtempSync(join(tmpdir(), 'countersign-case-'));
const logger = createLogger('silent');
let issuer: TestIssuer;
/** Two instances, as a large installation runs them. */
let services: RunningService[];
let enrichment: { bus: Bus; store: EventStore };

beforeAll(async () => {
  issuer = await startTestIssuer();
  const env = {
    COUNTERSIGN_PROFILE: 'development',
    COUNTERSIGN_DATA: folder,
    LEDGER_URL: postgres.appUrl,
    CASE_PORT: '0',
    OIDC_ISSUER: issuer.url,
  };
  services = await Promise.all([
    startService(caseService, { env, logger }),
    startService(caseService, { env, logger }),
  ]);
  const pool = postgres.pool('enrichment');
  const store = createPostgresEventStore({ pool });
  enrichment = { store, bus: createBus({ kind: 'postgres', service: 'enrichment', store, pool, logger }) };
});
afterAll(async () => {
  await Promise.all((services ?? []).map((service) => service.stop()));
  await enrichment.bus.stop();
  await enrichment.store.close();
  await issuer.stop();
  rmSync(folder, { recursive: true });
});

interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body & { code?: string; field?: string; detail?: string };
}
type Page<Item> = { items: Item[]; next?: string };

async function call<Body>(
  subject: string,
  method: string,
  path: string,
  body?: JsonObject,
  headers: Record<string, string> = {},
): Promise<Answer<Body>> {
  const answer = await fetch(`${services[0]?.url}${path}`, {
    method,
    headers: {
      ...(await issuer.headersFor(subject)),
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) };
}
const get = <Body>(path: string) => call<Body>('arno', 'GET', path);
const post = (path: string, body: JsonObject, headers?: Record<string, string>) =>
  call<CaseView>('arno', 'POST', path, body, headers);

function messageOf(alert: AlertEnriched | JsonObject, more: Partial<BusMessage> = {}): BusMessage {
  const { receiptId, alertId } = alert;
  return {
    topic: ENRICHED_ALERTS_TOPIC,
    key: String(alertId ?? receiptId),
    id: String(receiptId),
    type: 'AlertEnriched',
    source: '/countersign/enrichment',
    time: new Date().toISOString(),
    tenant: 'default',
    schemaVersion: 1,
    actor: serviceActor('enrichment'),
    correlationId: String(receiptId),
    data: alert as JsonObject,
    ...more,
  };
}
const send = (...sketches: AlertSketch[]) =>
  enrichment.bus.publisher.publish(sketches.map((sketch) => messageOf(alertOf(sketch))));

async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const until = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error('it did not happen within 20 s');
    await wait(50);
  }
}

/** The alert, once it has had so many receptions. */
const alert = (uid: string, receptions = 1) =>
  eventually(async () => {
    const { status, body } = await get<AlertView>(`/v1/alerts/${alertIdOf(uid)}`);
    return status === 200 && body.receptions.length >= receptions ? body : undefined;
  });

async function openCase(uid: string): Promise<string> {
  await send({ uid, observables: [host(`host-of-${uid}`)] });
  const { caseId } = await alert(uid);
  if (caseId === null) throw new Error('the alert led to no case');
  return caseId;
}

const eventsOf = async (category: string, type: string) =>
  (await postgres.ownerPool().query('select * from ledger.events where category = $1 and type = $2', [category, type]))
    .rows;

describe('the outcome of a receipt', () => {
  it('is new, updated, duplicate, grouped or rejected, and each receipt has one', async () => {
    const observables = [host('outcomes')];
    await send(
      { uid: 'o1', receipt: 'o1-1', observables },
      { uid: 'o1', receipt: 'o1-2', observables },
      { uid: 'o1', receipt: 'o1-3', observables, content: 'second' },
      { uid: 'o2', receipt: 'o2-1', observables },
    );
    const rejected = newId();
    const { original, source, sourceId, receivedAt } = alertOf();
    const refusal = {
      receiptId: rejected,
      sourceId,
      source,
      receivedAt,
      original,
      code: 'unknown_format',
      field: null,
      reason: 'no format fits',
    };
    await enrichment.bus.publisher.publish([messageOf(refusal as JsonObject, { type: 'AlertRefused' })]);

    const first = await alert('o1', 3);
    expect(first.receptions.map(({ outcome }) => outcome)).toEqual(['new', 'duplicate', 'updated']);
    expect(first.original.body).toContain('second');
    const second = await alert('o2');
    expect(second).toMatchObject({ outcome: 'grouped', caseId: first.caseId });
    const refused = await eventually(async () => {
      const { status, body } = await get<AlertView>(`/v1/alerts/${rejected}`);
      return status === 200 ? body : undefined;
    });
    expect(refused).toMatchObject({ outcome: 'rejected', rejection: { code: 'unknown_format', field: null } });
  });

  it('is given once, however often the message comes', async () => {
    await send({ uid: 'again', receipt: 'again-1', observables: [host('again')] });
    await alert('again');
    await send({ uid: 'again', receipt: 'again-1', observables: [host('again')] });
    await send({ uid: 'again', receipt: 'again-2', observables: [host('again')] });
    const { receptions } = await alert('again', 2);
    expect(receptions.map(({ receiptId }) => receiptId)).toEqual([receiptIdOf('again-1'), receiptIdOf('again-2')]);
  });

  it('is a rejection with field and reason for a message that is not by the contract', async () => {
    const broken: JsonObject = { ...(alertOf({ uid: 'broken' }) as unknown as JsonObject), score: 1000 };
    await enrichment.bus.publisher.publish([messageOf(broken)]);
    const view = await eventually(async () => {
      const { status, body } = await get<AlertView>(`/v1/alerts/${receiptIdOf('broken')}`);
      return status === 200 ? body : undefined;
    });
    expect(view.rejection).toMatchObject({ code: 'invalid_field', field: 'score' });
  });

  it('opens one case for a thousand alerts of one key, on two instances', async () => {
    const sketches = Array.from({ length: 1000 }, (_, index) => ({
      uid: `storm-${index}`,
      observables: [host('storm'), user('storm')],
    }));
    const messages = sketches.map((sketch) => messageOf(alertOf(sketch)));
    // Each instance gets every message, at the same time: as after a rebalance at its worst.
    const intakes = services.map((service) => service.app.get(AlertIntake, { strict: false }));
    const half = messages.length / 2;
    const outcomes = await Promise.all([
      intakes[0]?.take(messages.slice(0, half)),
      intakes[1]?.take(messages.slice(half)),
      intakes[1]?.take(messages.slice(0, half)),
      intakes[0]?.take(messages.slice(half)),
    ]);
    const left = outcomes.flat().filter((outcome) => outcome?.kind !== 'done');
    expect(left).toEqual([]);
    const { caseId } = await alert('storm-0');
    const { body } = await get<CaseView>(`/v1/cases/${caseId}`);
    expect(body).toMatchObject({ alertCount: 1000, version: 1000, rule: 'user-on-host' });
  });
});

describe('a case', () => {
  it('shows what it was at any past time', async () => {
    const id = await openCase('past');
    const before = await post(`/v1/cases/${id}/notes`, { text: 'looking into it' });
    const at = before.body.updatedAt;
    await wait(2);
    await post(`/v1/cases/${id}/status`, { status: 'closed', resolution: 'benign', comment: 'our scanner' });
    const now = await get<CaseView>(`/v1/cases/${id}`);
    expect(now.body).toMatchObject({ status: 'closed', resolution: 'benign' });
    const then = await get<CaseView>(`/v1/cases/${id}?at=${at}`);
    expect(then.body).toEqual({ ...before.body, at });
    const never = await get(`/v1/cases/${id}?at=2020-01-01T00:00:00Z`);
    expect(never).toMatchObject({ status: 404, body: { code: 'not_found', field: 'at' } });
    const future = await get(`/v1/cases/${id}?at=2999-01-01T00:00:00Z`);
    expect(future).toMatchObject({ status: 400, body: { code: 'invalid_field', field: 'at' } });
    const cut = await get<Page<TimelineEntry>>(`/v1/cases/${id}/timeline?at=${at}`);
    expect(cut.body.items.map(({ kind }) => kind)).toEqual(['CaseOpened', 'CaseNoteAdded']);
  });

  it('is listed by status, severity, owner, text and time, page by page', async () => {
    const ids = [await openCase('list-1'), await openCase('list-2')];
    await post(`/v1/cases/${ids[0]}/owner`, { owner: 'arno' });
    await post(`/v1/cases/${ids[1]}/severity`, { severity: 'critical', reason: 'crown jewels' });
    const find = (query: string) =>
      eventually(async () => {
        const { body } = await get<Page<CaseSummary>>(`/v1/cases?${query}`);
        return body.items.length > 0 ? body.items.map(({ caseId }) => caseId) : undefined;
      });
    expect(await find('owner=arno')).toEqual([ids[0]]);
    expect(await find('severity=critical&owner=none')).toEqual([ids[1]]);
    expect(await find('q=HOST-OF-LIST-2')).toEqual([ids[1]]);
    const first = await get<Page<CaseSummary>>('/v1/cases?limit=1&q=host-of-list&status=new&status=on_hold');
    const second = await get<Page<CaseSummary>>(
      `/v1/cases?limit=1&q=host-of-list&status=new&status=on_hold&cursor=${first.body.next}`,
    );
    expect([...first.body.items, ...second.body.items].map(({ caseId }) => caseId)).toEqual([ids[1], ids[0]]);
    expect(second.body.next).toBeUndefined();
    const wrong = await get('/v1/cases?cursor=nonsense');
    expect(wrong).toMatchObject({ status: 400, body: { code: 'invalid_cursor', field: 'cursor' } });
  });

  it('tells its events, hashes and all, and its runs, approvals and actions in one timeline', async () => {
    const id = await openCase('story');
    const pool = postgres.pool('playbook-orchestrator');
    const store = createPostgresEventStore({ pool });
    const runId = newId();
    const data = { runId, caseId: id, playbookId: 'p', playbookDigest: 'a'.repeat(64), playbookName: 'Contain' };
    const appended = await store.append([
      {
        category: 'run',
        stream: `run-${runId}`,
        tenant: 'default',
        expected: NO_STREAM,
        events: [
          {
            id: newId(),
            type: 'RunStarted',
            schemaVersion: 1,
            time: new Date().toISOString(),
            actor: serviceActor('playbook-orchestrator'),
            data: {
              ...data,
              trigger: { kind: 'case_opened', eventId: null },
              variables: {},
              overridden: [],
              deadline: new Date().toISOString(),
            },
            meta: { correlationId: runId },
          },
        ],
      },
    ]);
    expect(appended.status).toBe('appended');
    const timeline = await eventually(async () => {
      const { body } = await get<Page<TimelineEntry>>(`/v1/cases/${id}/timeline`);
      return body.items.length === 2 ? body.items : undefined;
    });
    expect(timeline.map(({ text }) => text)).toEqual([
      'service case opened the case “Brute force” (high) for an alert from siem, by rule host.',
      'service playbook-orchestrator started the playbook “Contain” (case_opened).',
    ]);
    const { body } = await get<Page<EventView>>(`/v1/cases/${id}/events`);
    expect(body.items).toMatchObject([
      { type: 'CaseOpened', version: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
    await store.close();
  });

  it('belongs to its tenant', async () => {
    const sketch = alertOf({ uid: 'theirs', observables: [host('theirs')] });
    await enrichment.bus.publisher.publish([messageOf(sketch, { tenant: 'other' })]);
    const theirs = deterministicId('case', 'other', sketch.receiptId);
    await eventually(async () =>
      (await eventsOf('case', 'CaseOpened')).some(({ stream }) => stream === `case-${theirs}`) ? true : undefined,
    );
    expect(await get(`/v1/cases/${theirs}`)).toMatchObject({ status: 404, body: { code: 'not_found', field: 'id' } });
    expect(await get(`/v1/alerts/${sketch.alertId}`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect(await post(`/v1/cases/${theirs}/notes`, { text: 'x' })).toMatchObject({ status: 404 });
    const { body } = await get<Page<CaseSummary>>('/v1/cases?limit=500');
    expect(body.items.map(({ caseId }) => caseId)).not.toContain(theirs);
  });
});

describe('a command', () => {
  it('is carried out once for one idempotency key, and answers the same', async () => {
    const id = await openCase('idempotent');
    const key = { 'idempotency-key': 'note-1' };
    const first = await post(`/v1/cases/${id}/notes`, { text: 'once' }, key);
    await post(`/v1/cases/${id}/owner`, { owner: 'arno' });
    const [second, third] = await Promise.all([
      post(`/v1/cases/${id}/notes`, { text: 'once' }, key),
      post(`/v1/cases/${id}/notes`, { text: 'once' }, key),
    ]);
    expect(second.body).toEqual(first.body);
    expect(third.body).toEqual(first.body);
    const other = await post(`/v1/cases/${id}/notes`, { text: 'twice' }, key);
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused', field: 'Idempotency-Key' } });
    const { body } = await get<CaseView>(`/v1/cases/${id}`);
    expect(body.notes).toMatchObject([{ text: 'once', by: { kind: 'human', id: 'arno' } }]);
  });

  it('is refused on another version than the caller has seen', async () => {
    const id = await openCase('version');
    expect(await post(`/v1/cases/${id}/status`, { status: 'in_progress', expectedVersion: 7 })).toMatchObject({
      status: 409,
      body: { code: 'stream_conflict', field: 'expectedVersion' },
    });
  });

  it('is refused by name where it is wrong', async () => {
    const id = await openCase('wrong');
    expect(await post(`/v1/cases/${id}/status`, { status: 'closed' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_field', field: 'resolution' },
    });
    expect(await post(`/v1/cases/${id}/status`, { status: 'new' })).toMatchObject({
      status: 409,
      body: { code: 'invalid_transition', field: 'status' },
    });
    expect(await post(`/v1/cases/${id}/notes`, { text: 'x', colour: 'red' })).toMatchObject({
      status: 400,
      body: { code: 'unknown_field', field: 'colour' },
    });
    expect(await post(`/v1/cases/${newId()}/notes`, { text: 'x' })).toMatchObject({ status: 404 });
    expect(await post('/v1/cases/42/notes', { text: 'x' })).toMatchObject({ status: 400, body: { field: 'id' } });
    expect(await call('audrey', 'POST', `/v1/cases/${id}/notes`, { text: 'x' })).toMatchObject({
      status: 403,
      body: { code: 'permission_missing' },
    });
  });
});

describe('evidence', () => {
  it('is a link, or a file that comes back byte for byte as a download', async () => {
    const id = await openCase('evidence');
    const content = Buffer.from([0, 1, 2, 253, 254, 255]);
    await post(`/v1/cases/${id}/evidence`, { kind: 'link', name: 'report', url: 'https://siem.example/1' });
    const { body } = await post(`/v1/cases/${id}/evidence`, {
      kind: 'file',
      name: 'böse "Datei".html',
      mediaType: 'text/html',
      content: content.toString('base64'),
    });
    expect(body.evidence).toMatchObject([{ kind: 'link' }, { kind: 'file', size: 6, mediaType: 'text/html' }]);
    const path = `/v1/cases/${id}/evidence/${body.evidence[1]?.evidenceId}`;
    const answer = await fetch(`${services[0]?.url}${path}`, { headers: await issuer.headersFor('arno') });
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(content);
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="evidence"; filename*=UTF-8''b%C3%B6se%20%22Datei%22.html`,
    );
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await get(`/v1/cases/${id}/evidence/${body.evidence[0]?.evidenceId}`)).toMatchObject({ status: 404 });
  });

  it('is refused over 1 MiB, and where it is not base64', async () => {
    const id = await openCase('large');
    const file = (content: string) => ({ kind: 'file', name: 'dump', content });
    const path = `/v1/cases/${id}/evidence`;
    const most = await post(path, file(Buffer.alloc(1024 * 1024).toString('base64')));
    expect(most.body.detail).toBeUndefined();
    expect(most.status).toBe(200);
    expect(await post(path, file(Buffer.alloc(1024 * 1024 + 1).toString('base64')))).toMatchObject({
      status: 413,
      body: { code: 'evidence_too_large', field: 'content' },
    });
    expect(await post(path, file('no base64!'))).toMatchObject({ status: 400, body: { field: 'content' } });
    expect(await post(path, { kind: 'link', name: 'x', url: 'javascript:alert(1)' })).toMatchObject({
      status: 400,
      body: { field: 'url' },
    });
  });
});

describe('an escalation', () => {
  it('is acknowledged by the person it went to', async () => {
    const id = await openCase('escalate');
    const to = { kind: 'person', id: 'ines' };
    const { body } = await post(`/v1/cases/${id}/escalations`, { to, reason: 'needs you', withinMinutes: 30 });
    expect(body).toMatchObject({ openEscalations: 1, escalations: [{ status: 'open', to }] });
    const path = `/v1/cases/${id}/escalations/${body.escalations[0]?.escalationId}/acknowledge`;
    expect(await post(path, {})).toMatchObject({ status: 403, body: { code: 'not_addressee' } });
    const done = await call<CaseView>('ines', 'POST', path, { comment: 'on it' });
    expect(done.body).toMatchObject({
      openEscalations: 0,
      escalations: [{ status: 'acknowledged', comment: 'on it' }],
    });
    expect(await call('ines', 'POST', path, {})).toMatchObject({ status: 409, body: { code: 'invalid_transition' } });
  });

  it('expires by the clock of the database', async () => {
    const id = await openCase('expire');
    const deadline = new Date(Date.now() + 400).toISOString();
    const to = { kind: 'tier', id: 'tier-2' };
    expect(await post(`/v1/cases/${id}/escalations`, { to, reason: 'urgent', deadline })).toMatchObject({
      status: 200,
    });
    const expired = await eventually(async () => {
      const { body } = await get<CaseView>(`/v1/cases/${id}`);
      return body.escalations[0]?.status === 'expired' ? body : undefined;
    });
    expect(expired.escalations[0]?.endedBy).toEqual(serviceActor('case'));
    expect(expired.escalations[0]?.endedAt && expired.escalations[0].endedAt >= deadline).toBe(true);
  });

  it('needs a deadline ahead', async () => {
    const id = await openCase('late');
    const body = { to: { kind: 'tier', id: 'tier-2' }, reason: 'x' };
    const path = `/v1/cases/${id}/escalations`;
    expect(await post(path, body)).toMatchObject({ status: 400, body: { field: 'deadline' } });
    expect(await post(path, { ...body, deadline: '2020-01-01T00:00:00Z' })).toMatchObject({
      status: 400,
      body: { field: 'deadline', detail: 'It has passed already.' },
    });
  });
});

describe('the read models', () => {
  it('give the same rows after they have been rebuilt (invariant 1)', async () => {
    const id = await openCase('rebuild');
    await post(`/v1/cases/${id}/severity`, { severity: 'low', reason: '' });
    const rows = () => postgres.ownerPool().query('select * from svc_case.case_summary order by case_id');
    const context = services[0]?.context;
    const caughtUp = async () => {
      const { items: [summary] = [] } = (await get<Page<CaseSummary>>('/v1/cases?q=host-of-rebuild')).body;
      return summary?.severity === 'low' ? rows() : undefined;
    };
    const before = await eventually(caughtUp);
    await context?.readModels.rebuild('case-list');
    const after = await eventually(async () => {
      const now = await rows();
      return now.rows.length === before.rows.length ? caughtUp() : undefined;
    });
    expect(after.rows).toEqual(before.rows);
  });
});
