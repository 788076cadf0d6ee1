import { DataSource } from 'typeorm';
import type { Observable } from '#contracts/alert';
import type { SimilarCases } from '#contracts/http/case';
import { type RecordedEvent, serviceRole, serviceSchema } from '#libs/event-store';
import { deterministicId, type JsonObject } from '#libs/kernel';
import { rebuildReadModel } from '#libs/local';
import { ALL_TENANTS, withTenant } from '#libs/read-model';
import { useCaseService } from './case-service.fixture';
import { alertOf, host, sourceAddress } from './domain/alert.fixture';
import { CaseDetailProjection } from './read/case-detail.projection';
import { similarCases } from './read/similar-cases';
import { HOT_CASES, SimilarCasesProjection } from './read/similar-cases.projection';
import { service } from './service';

const { postgres, services, get, send, alert, eventually } = useCaseService();

const similar = async (caseId: string) => (await get<SimilarCases>(`/v1/cases/${caseId}/similar`)).body;
async function caseWith(uid: string, ...observables: Observable[]): Promise<string> {
  await send({ uid, observables: [host(`host-${uid}`), ...observables] });
  const { caseId } = await alert(uid);
  if (caseId === null) throw new Error('the alert led to no case');
  return caseId;
}
const rowsOf = async (table: string) =>
  Number((await postgres.ownerPool().query(`select count(*) from svc_case.${table}`)).rows[0].count);

describe('similar cases', () => {
  it('are those that share observables, the rarest first, and of the same tenant', async () => {
    const shared = sourceAddress('203.0.113.1');
    const [one, two, three] = [
      await caseWith('s1', shared, sourceAddress('203.0.113.2')),
      await caseWith('s2', shared, sourceAddress('203.0.113.2')),
      await caseWith('s3', shared),
    ];
    const found = await eventually(async () => {
      const answer = await similar(one);
      return answer.items.length === 2 ? answer : undefined;
    });
    expect(found.items.map((item) => item.case.caseId)).toEqual([two, three]);
    expect(found.items[0]?.shared).toEqual([
      { type: 'ip', value: '203.0.113.2', cases: 2 },
      { type: 'ip', value: '203.0.113.1', cases: 3 },
    ]);
    expect(found.hot).toEqual([]);
    expect(await get(`/v1/cases/${deterministicId('no', 'case')}/similar`)).toMatchObject({ status: 404 });
  });

  it('are not found by what a warning list calls benign', async () => {
    const resolver = { ...sourceAddress('192.0.2.53'), verdict: 'benign' as const };
    const one = await caseWith('b1', resolver);
    await caseWith('b2', resolver);
    expect(await similar(one)).toEqual({ items: [], hot: [] });
  });

  it('are the same when the read model is rebuilt, however it is split', async () => {
    for (const batch of [1, 7]) {
      const report = await rebuildReadModel({
        ...{ url: postgres.ownerUrl, service, projection: 'similar-cases', dryRun: true, batch },
        personalKeysFile: services()[0]?.context.settings.personalKeysFile,
      });
      expect(report).toMatchObject({ equal: true });
    }
  });
});

describe('an address in 300,000 alerts', () => {
  const CASES = 300;
  const ALERTS = 300_000;
  const BATCH = 3_000;
  const hot = sourceAddress('198.51.100.99');
  const caseIdOf = (at: number) => deterministicId('hot', 'case', String(at));

  /** An alert of one of the cases: the address, and one value that two neighbours share. */
  function event(index: number): RecordedEvent {
    const at = index % CASES;
    const { observables: _, finding: __, original: ___, ...alertOfCase } = alertOf({ uid: `hot-${index}` });
    const pair = host(`pair-${Math.floor(at / 2)}`);
    return {
      ...{ type: index < CASES ? 'CaseOpened' : 'AlertGrouped', stream: `case-${caseIdOf(at)}`, tenant: 'default' },
      ...{ version: Math.floor(index / CASES) + 1, time: '2026-11-24T10:00:00.000Z' },
      data: { ...alertOfCase, caseId: caseIdOf(at), observables: [hot, pair] } as unknown as JsonObject,
    } as unknown as RecordedEvent;
  }

  it('costs a row, no member more than tell anything, and the same few queries for each case', async () => {
    const database = await new DataSource({
      ...{ type: 'postgres', url: postgres.appUrl, schema: serviceSchema('case'), entities: [...service.entities] },
      extra: { options: `-c role=${serviceRole('case')}` },
    }).initialize();
    const before = [await rowsOf('shared_observable'), await rowsOf('case_observables')];
    const projections = [new SimilarCasesProjection(), new CaseDetailProjection()];
    for (let from = 0; from < ALERTS; from += BATCH) {
      const events = Array.from({ length: BATCH }, (_, index) => event(from + index));
      await withTenant(database, ALL_TENANTS, async (tx) => {
        // What is shown of a case is taken from its details: those of its first alerts are enough.
        for (const projection of projections.slice(0, from < CASES ? 2 : 1)) await projection.apply(events, tx);
      });
    }
    const after = [await rowsOf('shared_observable'), await rowsOf('case_observables')];
    expect(after).toEqual([(before[0] ?? 0) + 1 + CASES / 2, (before[1] ?? 0) + CASES]);
    const { rows } = await postgres
      .ownerPool()
      .query('select cases, cardinality(members) as members from svc_case.shared_observable where cases > 100');
    expect(rows).toEqual([{ cases: CASES, members: HOT_CASES }]);

    const found = await similarCases(database, 'default', caseIdOf(7), 20);
    expect(found.hot).toEqual([{ type: 'ip', value: hot.value, cases: CASES }]);
    // No row of the list stands behind these cases, which were never opened there.
    expect(found.items).toEqual([]);
    await database.destroy();
  }, 240_000);
});
