import type { CaseView } from '#contracts/http/case';
import { rebuildReadModel } from '#libs/local';
import { CaseViews } from './app/case-views';
import { type Page, useCaseService } from './case-service.fixture';
import { alertIdOf, alertOf, type AlertSketch, host } from './domain/alert.fixture';
import { service } from './service';

const { postgres, services, get, post, publish, messageOf, alert, eventually, openCase } = useCaseService();

/** Cases as they are when they are too long to be folded. */
function fromReadModels(): CaseViews {
  const [one] = services();
  if (!one) throw new Error('no service runs');
  const { store, database, readModels, clock } = one.context;
  return new CaseViews({ store, database, readModels, clock, foldedEvents: 0 });
}

/** An alert that the lists have judged. */
const judged = (sketch: AlertSketch, verdict: 'benign' | 'malicious', score: number) => {
  const plain = alertOf(sketch);
  const observables = plain.observables.map((one) => ({ ...one, verdict, score }));
  return messageOf({ ...plain, verdict, score, observables, attack: [...plain.attack, `T10${score}`] });
};

async function eventfulCase(name: string): Promise<string> {
  const caseId = await openCase(name);
  const shared = host(`host-of-${name}`);
  await publish(
    judged({ uid: `${name}-b`, severityId: 5, observables: [shared, host(`second-${name}`)] }, 'malicious', 90),
    judged({ uid: `${name}-c`, severityId: 2, observables: [shared, host(`other-${name}`)] }, 'benign', 11),
  );
  await alert(`${name}-b`);
  await alert(`${name}-c`);
  await publish(
    judged(
      { uid: `${name}-b`, receipt: `${name}-b2`, severityId: 3, content: 'second', observables: [shared] },
      'benign',
      12,
    ),
    judged({ uid: name, receipt: `${name}-2`, severityId: 1, content: 'second', observables: [] }, 'benign', 13),
  );
  await alert(`${name}-b`, 2);
  await alert(name, 2);
  await post(`/v1/cases/${caseId}/notes`, { text: 'looking into it' });
  await post(`/v1/cases/${caseId}/evidence`, { kind: 'link', name: 'report', url: 'https://siem.example/1' });
  const to = { kind: 'tier', id: 'tier-2' };
  const first = await post(`/v1/cases/${caseId}/escalations`, { to, reason: 'needs you', withinMinutes: 30 });
  const second = await post(`/v1/cases/${caseId}/escalations`, { to, reason: 'you too', withinMinutes: 30 });
  const [acknowledged] = second.body.escalations;
  await post(`/v1/cases/${caseId}/escalations/${acknowledged?.escalationId}/acknowledge`, { comment: 'on it' });
  await post(`/v1/cases/${caseId}/notes`, { text: 'contained' });
  await post(`/v1/cases/${caseId}/owner`, { owner: 'arno' });
  expect(first.body.version).toBeLessThan(second.body.version);
  return caseId;
}

describe('a long case', () => {
  it('is shown by its read model as all of its events tell it', async () => {
    const caseId = await eventfulCase('eventful');
    const { body } = await get<CaseView>(`/v1/cases/${caseId}`);
    expect(body).toMatchObject({ alertCount: 3, openEscalations: 1, severity: 'medium', owner: 'arno' });
    expect(await fromReadModels().current('default', caseId)).toEqual(body);
    await post(`/v1/cases/${caseId}/severity`, { severity: 'low', reason: 'known' });
    const later = await fromReadModels().current('default', caseId);
    expect(later).toEqual((await get<CaseView>(`/v1/cases/${caseId}`)).body);
    expect(later).toMatchObject({ severity: 'low', severityBy: 'person' });
  });

  it('shows the latest alerts by itself, and all of them page by page', async () => {
    const caseId = await openCase('paged');
    const more = Array.from({ length: 520 }, (_, index) => ({
      uid: `paged-${index}`,
      observables: [host('host-of-paged')],
    }));
    await publish(...more.map((sketch) => messageOf(alertOf(sketch))));
    await alert('paged-519');
    const { body } = await get<CaseView>(`/v1/cases/${caseId}`);
    expect(body).toMatchObject({ alertCount: 521, version: 521 });
    expect(body.alerts).toHaveLength(200);
    const history = await fromReadModels().history('default', caseId);
    expect(body).toEqual(fromReadModels().viewOf(caseId, history));

    const seen: string[] = [];
    for (let next: string | undefined = ''; next !== undefined;) {
      const page: Page<CaseView['alerts'][number]> = (
        await get<Page<CaseView['alerts'][number]>>(`/v1/cases/${caseId}/alerts?limit=200${next && `&cursor=${next}`}`)
      ).body;
      seen.push(...page.items.map(({ alertId }) => alertId));
      next = page.next;
    }
    expect(seen.slice(0, 200)).toEqual(body.alerts.map(({ alertId }) => alertId).reverse());
    expect([new Set(seen).size, seen.length, seen.at(-1)]).toEqual([521, 521, alertIdOf('paged')]);
    const wrong = await get(`/v1/cases/${caseId}/alerts?cursor=nonsense`);
    expect(wrong).toMatchObject({ status: 400, body: { code: 'invalid_cursor' } });
  });

  it('is decided on by a kept state, which costs nothing but time when it is gone', async () => {
    const caseId = await openCase('kept');
    const more = Array.from({ length: 250 }, (_, index) => ({
      uid: `kept-${index}`,
      observables: [host('host-of-kept')],
    }));
    await publish(...more.map((sketch) => messageOf(alertOf(sketch))));
    await alert('kept-249');
    await post(`/v1/cases/${caseId}/notes`, { text: 'seen' });
    const kept = await eventually(async () => {
      const { rows } = await postgres
        .ownerPool()
        .query<{ version: number }>('select version, state from svc_case.snapshot where stream = $1', [
          `case-${caseId}`,
        ]);
      return rows[0];
    });
    expect(kept).toMatchObject({ state: { exists: true, alerts: { high: expect.any(Number) } } });
    const { snapshots } = services()[0]?.context ?? {};
    await snapshots?.dropAll();
    expect(await post(`/v1/cases/${caseId}/status`, { status: 'in_progress' })).toMatchObject({ status: 200 });
  });

  it('is not shown to another tenant', async () => {
    const caseId = await openCase('own');
    await expect(fromReadModels().current('other', caseId)).rejects.toMatchObject({ code: 'not_found' });
    expect(await get(`/v1/cases/${alertIdOf('nothing')}/alerts`)).toMatchObject({ status: 404, body: { field: 'id' } });
  });

  it('is the same when its read model is rebuilt', async () => {
    const { ownerUrl: url } = postgres;
    const report = await rebuildReadModel({
      ...{ url, service, projection: 'case-detail', dryRun: true, batch: 7 },
      personalKeysFile: services()[0]?.context.settings.personalKeysFile,
    });
    expect(report).toMatchObject({ equal: true });
    expect(report.tables.map(({ table, rows }) => [table, rows.before > 0])).toEqual([
      ['case_detail', true],
      ['case_detail_alert', true],
      ['case_entry', true],
    ]);
  });
});
