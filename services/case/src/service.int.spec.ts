import { setTimeout as wait } from 'node:timers/promises';
import { serviceActor } from '#contracts/envelope';
import type { AlertView, CaseSummary, CaseView, EventView, TimelineEntry } from '#contracts/http/case';
import type { StreamState } from '#contracts/state';
import { ALERTS_TOPIC, deadTopic, ENRICHED_ALERTS_TOPIC } from '#libs/bus';
import { createPostgresEventStore, NO_STREAM } from '#libs/event-store';
import { deterministicId, type JsonObject, newId } from '#libs/kernel';
import { AlertIntake } from './app/alert-intake';
import { type Page, useCaseService } from './case-service.fixture';
import { alertOf, host, receiptIdOf, user } from './domain/alert.fixture';

const { postgres, services, publish, get, post, messageOf, send, eventually, alert, openCase } = useCaseService();

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
    await publish(messageOf(refusal as JsonObject, { type: 'AlertRefused' }));

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
    await publish(messageOf(broken));
    const view = await eventually(async () => {
      const { status, body } = await get<AlertView>(`/v1/alerts/${receiptIdOf('broken')}`);
      return status === 200 ? body : undefined;
    });
    expect(view.rejection).toMatchObject({ code: 'invalid_field', field: 'score' });
  });

  it.each([
    [deadTopic(ALERTS_TOPIC), 'countersign.enrichment', 'enrichment'],
    [deadTopic(ENRICHED_ALERTS_TOPIC), 'countersign.case', 'case'],
  ])('is a rejection for what died of it in %s', async (topic, group, stage) => {
    const alertThatDied = alertOf({ uid: `dead-at-${stage}` });
    const death = { group, code: 'retries_exhausted', reason: 'Given up after 20 attempts: it broke' };
    await publish(messageOf(alertThatDied as unknown as JsonObject, { topic, death }));
    const view = await eventually(async () => {
      const { status, body } = await get<AlertView>(`/v1/alerts/${alertThatDied.receiptId}`);
      return status === 200 ? body : undefined;
    });
    expect(view).toMatchObject({ outcome: 'rejected', rejection: { code: 'retries_exhausted', reason: death.reason } });
    const rejections = await eventsOf('alert', 'AlertRejected');
    expect(rejections.find(({ data }) => data.receiptId === alertThatDied.receiptId).data.stage).toBe(stage);
  });

  it('is not changed by a death after it, or in a group that does not decide on it', async () => {
    const topic = deadTopic(ENRICHED_ALERTS_TOPIC);
    const death = { group: 'countersign.case', code: 'internal', reason: 'it broke' };
    const [decided, foreign] = [alertOf({ uid: 'decided' }), alertOf({ uid: 'foreign' })];
    await send({ uid: 'decided' });
    await alert('decided');
    await publish(
      messageOf(decided as unknown as JsonObject, { topic, death }),
      messageOf(foreign as unknown as JsonObject, { topic, death: { ...death, group: 'countersign.ingest' } }),
      messageOf({ receiptId: 'names no receipt' }, { topic, death }),
      messageOf(alertOf({ uid: 'after-those' }) as unknown as JsonObject, { topic, death }),
    );
    await eventually(async () => {
      const { status } = await get(`/v1/alerts/${receiptIdOf('after-those')}`);
      return status === 200 ? true : undefined;
    });
    for (const { receiptId } of [decided, foreign]) {
      expect(await get(`/v1/alerts/${receiptId}`)).toMatchObject({ status: 404 });
    }
  });

  it('opens one case for a thousand alerts of one key, on two instances', async () => {
    const sketches = Array.from({ length: 1000 }, (_, index) => ({
      uid: `storm-${index}`,
      observables: [host('storm'), user('storm')],
    }));
    const messages = sketches.map((sketch) => messageOf(alertOf(sketch)));
    // Each instance gets every message, at the same time: as after a rebalance at its worst.
    const intakes = services().map((service) => service.app.get(AlertIntake, { strict: false }));
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

  it('shows what has changed between two past times', async () => {
    const id = await openCase('changing');
    const { body: before } = await get<CaseView>(`/v1/cases/${id}`);
    await wait(5);
    const since = new Date().toISOString();
    await post(`/v1/cases/${id}/owner`, { owner: 'ines' });
    const { body } = await get<StreamState>(`/v1/cases/${id}/state?since=${since}`);
    expect(body).toMatchObject({ stream: `case-${id}`, state: { owner: 'ines' } });
    expect(body.changes).toContainEqual({ path: 'owner', before: before.owner, after: 'ines' });
    expect(await get(`/v1/cases/${newId()}/state`)).toMatchObject({ status: 404, body: { field: 'id' } });
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
    const { openedAt } = (await get<CaseView>(`/v1/cases/${id}`)).body;
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
            // By the database's clock, as the case's: this process's own may be a little behind it.
            time: new Date(Date.parse(openedAt) + 1).toISOString(),
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
    for (const text of ['one', 'two', 'three']) await post(`/v1/cases/${id}/notes`, { text });
    const pages = async <Item>(path: string): Promise<Item[]> => {
      const first = await get<Page<Item>>(`${path}?limit=2`);
      let { next } = first.body;
      const items = [...first.body.items];
      while (next !== undefined) {
        const page: Page<Item> = (await get<Page<Item>>(`${path}?limit=2&cursor=${next}`)).body;
        items.push(...page.items);
        ({ next } = page);
      }
      return items;
    };
    for (const list of ['timeline', 'events']) {
      const whole = await get<Page<unknown>>(`/v1/cases/${id}/${list}`);
      expect(whole.body.items).toHaveLength(list === 'timeline' ? 5 : 4);
      expect(await pages(`/v1/cases/${id}/${list}`)).toEqual(whole.body.items);
      for (const key of ['[1.5]', '[-1,"x",0,0,""]', '[0,"2026-11-24T09:30:00.000Z",1,1,"x"]']) {
        const cursor = Buffer.from(key).toString('base64url');
        expect(await get(`/v1/cases/${id}/${list}?cursor=${cursor}`)).toMatchObject({ status: 400 });
      }
    }
    await store.close();
  });

  it('belongs to its tenant', async () => {
    const sketch = alertOf({ uid: 'theirs', observables: [host('theirs')] });
    await publish(messageOf(sketch, { tenant: 'other' }));
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
