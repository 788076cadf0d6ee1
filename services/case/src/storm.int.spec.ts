import type { CaseSummary, CaseView } from '#contracts/http/case';
import { runTypeScript } from '#libs/testing';
import { AlertIntake } from './app/alert-intake';
import { type Page, useCaseService } from './case-service.fixture';
import { alertIdOf, alertOf, host, user } from './domain/alert.fixture';

const { postgres, services, get, messageOf, eventually, alert } = useCaseService();

/** What is quick enough for every change; STORM_ALERTS makes it larger. A multiple of 1,000. */
const STORM = Number(process.env['STORM_ALERTS'] ?? 5_000);
const BATCH = 500;
const SHOWN = 1_000;

const numberOf = async (sql: string, ...values: unknown[]) =>
  Number((await postgres.ownerPool().query<{ number: string }>(sql, values)).rows[0]?.number);
const eventsOf = (caseId: string | null) =>
  numberOf(`select count(*) as number from ledger.events where category = 'case' and stream = $1`, `case-${caseId}`);

jest.setTimeout(500_000);

describe('a storm, by the rules as they are shipped', () => {
  it('is one case with a count, and not as many rows and lines as alerts', async () => {
    const [one, two] = services().map((service) => service.app.get(AlertIntake, { strict: false }));
    const observables = [host('storm'), user('storm')];
    for (let from = 0; from < STORM; from += 2 * BATCH) {
      // A scanner that writes the port into each title, taken by two instances.
      const messages = Array.from({ length: 2 * BATCH }, (_, index) =>
        messageOf(alertOf({ uid: `storm-${from + index}`, title: `Scan of port ${from + index}`, observables })),
      );
      const outcomes = await Promise.all([one?.take(messages.slice(0, BATCH)), two?.take(messages.slice(BATCH))]);
      expect(outcomes.flat().filter((outcome) => outcome?.kind !== 'done')).toEqual([]);
    }
    const { caseId } = await alert('storm-0');
    const view = await eventually(async () => {
      const { body } = await get<CaseView>(`/v1/cases/${caseId}`);
      return body.alertCount + body.suppressedAlerts === STORM ? body : undefined;
    });
    expect(view).toMatchObject({ alertCount: SHOWN, suppressedAlerts: STORM - SHOWN });
    expect((await get<Page<CaseSummary>>('/v1/cases?q=storm')).body.items).toHaveLength(1);

    // Each is accounted for by an outcome of its own.
    const outcomes = await postgres.ownerPool().query(
      `select data->>'outcome' as outcome, count(*)::integer from ledger.events
         where category = 'alert' and type = 'AlertRecorded' group by 1 order by 1`,
    );
    expect(outcomes.rows).toEqual([
      { outcome: 'grouped', count: SHOWN - 1 },
      { outcome: 'new', count: 1 },
      { outcome: 'suppressed', count: STORM - SHOWN },
    ]);
    // The case grows by what it shows, and by one event for each batch after that.
    expect(await eventsOf(caseId)).toBeLessThanOrEqual(SHOWN + STORM / BATCH);
    for (const table of ['case_alert', 'case_detail_alert']) {
      expect(await numberOf(`select count(*) as number from svc_case.${table} where case_id = $1`, caseId)).toBe(SHOWN);
    }
    const { body: last } = await get(`/v1/alerts/${alertIdOf(`storm-${STORM - 1}`)}`);
    expect(last).toMatchObject({ outcome: 'suppressed', caseId, suppression: { kind: 'counted' } });
  });
});

describe('a thousand alerts of one key, in two processes at once', () => {
  const PROGRAM = `
    import { createPostgresEventStore, serviceRole } from '#libs/event-store';
    import { Pool } from 'pg';
    import { AlertIntake } from './services/case/src/app/alert-intake';
    import { alertOf, host } from './services/case/src/domain/alert.fixture';
    import { rulesInForce, rulesOf } from './services/case/src/domain/correlation-rules.fixture';
    const pool = new Pool({ connectionString: process.env.DATABASE, options: '-c role=' + serviceRole('case') });
    const rules = rulesInForce(rulesOf([{ name: 'host', keys: ['host'], windowMinutes: 60 }]));
    const intake = new AlertIntake({
      store: createPostgresEventStore({ pool }),
      rules: () => rules, hmacKey: Buffer.alloc(32, 7), clock: { now: () => new Date() },
    });
    const messages = Array.from({ length: 500 }, (_, index) => {
      const data = alertOf({ uid: process.env.PART + index, observables: [host('two-processes')] });
      const { receiptId: id, alertId: key } = data;
      return {
        topic: 'countersign.alerts.enriched', key, id, type: 'AlertEnriched', source: '/countersign/enrichment',
        time: new Date().toISOString(), tenant: 'default', schemaVersion: 1,
        actor: { kind: 'service', id: 'enrichment' }, correlationId: id, data,
      };
    });
    (async () => {
      let open = messages;
      while (open.length > 0) {
        const outcomes = await intake.take(open.slice(0, 50));
        open = [...open.slice(0, 50).filter((_, at) => outcomes[at].kind !== 'done'), ...open.slice(50)];
      }
      await pool.end();
      process.stdout.write('done\\n');
    })();
  `;

  it('open one case', async () => {
    const children = ['left-', 'right-'].map((PART) => runTypeScript(PROGRAM, { DATABASE: postgres.appUrl, PART }));
    for (const child of children) expect(await child.nextLine()).toBe('done');
    await Promise.all(children.map((child) => child.ended()));
    const { caseId } = await alert('left-0');
    expect(await eventsOf(caseId)).toBe(1_000);
    const opened = await numberOf(
      `select count(*) as number from ledger.events
       where category = 'correlation' and type = 'CorrelationOpened' and data->>'rule' = 'host'`,
    );
    expect(opened).toBe(1);
  });
});
