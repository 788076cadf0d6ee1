import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApprovalDetail } from '#contracts/http/approval';
import type { AlertView } from '#contracts/http/case';
import type { ActionCounts } from '#contracts/http/connector';
import type { IngestAccount } from '#contracts/http/ingest';
import type { RunSummary } from '#contracts/http/playbook-orchestrator';
import { isAlive } from '#libs/local';
import { type BundledAlert, bundledAlerts, deliver } from './alert-feed';
import { containmentRun, grant, waitingContainment } from './contained-case';
import { eventually } from './eventually';
import { doneTwice, OUTSIDE_SYSTEMS, recordOf } from './outside-systems';
import { PATIENCE_MS, RunningDemo, useDataFolder } from './running-demo';

jest.setTimeout(2 * PATIENCE_MS);

/** The postmaster of the data folder, by the file that PostgreSQL itself keeps. */
function postgresPid(data: string): number {
  const server: { dataFolder: string } = JSON.parse(readFileSync(join(data, 'postgres', 'server.json'), 'utf8'));
  return Number(readFileSync(join(server.dataFolder, 'postmaster.pid'), 'utf8').split('\n')[0]);
}

/** One story on one data folder: each test begins where the one before was killed. */
describe('kill -9 of the process', () => {
  const data = useDataFolder();
  let demo: RunningDemo;
  /** What was answered before and after the kill: a promise that must be kept. */
  const acknowledged = new Set<string>();
  let answers = 0;
  let asked: ApprovalDetail[];

  beforeAll(async () => {
    demo = await RunningDemo.start(data);
  }, PATIENCE_MS);

  /** Returns the alerts that nobody has answered for. */
  async function send(
    alerts: readonly BundledAlert[],
    answered: () => void = () => undefined,
  ): Promise<BundledAlert[]> {
    const undelivered: BundledAlert[] = [];
    for (const alert of alerts) {
      const delivery = await deliver(demo, alert);
      if (delivery.outcome === 'undelivered') undelivered.push(alert);
      else answers += 1;
      if (delivery.outcome === 'accepted') acknowledged.add(delivery.alertId);
      answered();
    }
    return undelivered;
  }

  it('while alerts stream in loses none that was acknowledged', async () => {
    const before = postgresPid(data);
    const alerts = bundledAlerts();
    let killing: Promise<void> | undefined;
    const undelivered = await send(alerts, () => {
      if (answers === 30) killing ??= demo.kill9();
    });
    await killing;
    expect(undelivered.length).toBeGreaterThan(0);
    expect(isAlive(before)).toBe(true);

    demo = await RunningDemo.start(data);
    // PostgreSQL had outlived its master: it is adopted, not started a second time.
    expect(postgresPid(data)).toBe(before);
    expect(await send(undelivered)).toEqual([]);

    const audrey = await demo.as('audrey');
    const total = await eventually('nothing to be pending', async () => {
      const account = await audrey.get<IngestAccount>('/v1/ingest/account');
      return account.total.pending === 0 && account.total;
    });
    const { received, ...outcomes } = total;
    expect(Object.values(outcomes).reduce((sum, one) => sum + one, 0)).toBe(received);
    // One more at most: the alert that was under way when the process died may be durable without an answer.
    expect(received - answers).toBeGreaterThanOrEqual(0);
    expect(received - answers).toBeLessThanOrEqual(1);
    expect(total).toMatchObject({ pending: 0, new: 18, grouped: 26, updated: 4 });
    for (const alertId of acknowledged) {
      expect(await audrey.get<AlertView>(`/v1/alerts/${alertId}`)).toMatchObject({ alertId });
    }
  });

  it('while a step waits for an approval, and of PostgreSQL too, forgets neither the run nor the request', async () => {
    asked = await waitingContainment(demo);
    expect(asked.map(({ request }) => request?.connector)).toEqual(['firewall', 'identity']);
    const postgres = postgresPid(data);
    await demo.kill9();
    process.kill(postgres, 'SIGKILL');
    await eventually('PostgreSQL to be gone', () => Promise.resolve(!isAlive(postgres)));

    demo = await RunningDemo.start(data);
    expect(postgresPid(data)).not.toBe(postgres);
    const again = await waitingContainment(demo);
    const known = ({ id, digest, deadline, status }: ApprovalDetail) => ({ id, digest, deadline, status });
    expect(again.map(known)).toEqual(asked.map(known));
    expect((await recordOf(data, 'firewall')).calls).toBe(0);
  });

  it('right after the grant does what was granted, once', async () => {
    for (const approval of asked) expect(await grant(demo, approval)).toMatchObject({ status: 'granted' });
    await demo.kill9();

    demo = await RunningDemo.start(data);
    await eventually('the containment to end', async () => (await containmentRun(demo)).status === 'completed');
    const ruth = await demo.as('ruth');
    await eventually('every run to end', async () => {
      const { items } = await ruth.get<{ items: RunSummary[] }>('/v1/runs', { limit: 500 });
      return items.every(({ status }) => status === 'completed' || status === 'failed');
    });
    expect((await recordOf(data, 'firewall')).effects).toBe(1);
    expect((await recordOf(data, 'identity')).effects).toBe(1);
    let effects = 0;
    for (const name of OUTSIDE_SYSTEMS) {
      const record = await recordOf(data, name);
      expect([name, doneTwice(record)]).toEqual([name, []]);
      effects += record.effects;
    }
    const { counts } = await ruth.get<{ counts: ActionCounts }>('/v1/actions');
    // Chat ignores idempotency keys: what was under way there may end as unknown, done or not, and is never repeated.
    expect(effects).toBeGreaterThanOrEqual(counts.succeeded);
    expect(effects).toBeLessThanOrEqual(counts.succeeded + counts.outcome_unknown);
    expect(counts).toMatchObject({ started: 0, failed: 0, refused: 0 });
  });

  it('leaves a ledger that verifies', async () => {
    const audrey = await demo.as('audrey');
    await audrey.post('/v1/audit/checkpoints');
    expect(await audrey.get('/v1/audit/verify')).toMatchObject({ verified: true });
  });

  it('is not needed: SIGTERM drains and stops within 10 seconds', async () => {
    const postgres = postgresPid(data);
    const { code, ms } = await demo.terminate();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(10_000);
    expect(isAlive(postgres)).toBe(false);
  });
});
