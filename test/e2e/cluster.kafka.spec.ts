import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICES, type ServiceName } from '#contracts/envelope';
import type { ActionCounts } from '#contracts/http/connector';
import type { IngestAccount } from '#contracts/http/ingest';
import type { RunSummary } from '#contracts/http/playbook-orchestrator';
import { ApiUnreachable } from '#libs/client';
import { useKafka } from '#libs/testing';
import { type BundledAlert, bundledAlerts, deliver } from './alert-feed';
import { containmentRun, grant, waitingContainment } from './contained-case';
import { eventually } from './eventually';
import { doneTwice, OUTSIDE_SYSTEMS, recordOf } from './outside-systems';
import { PATIENCE_MS, RunningDemo, useDataFolder } from './running-demo';

jest.setTimeout(3 * PATIENCE_MS);

const kafka = useKafka();

kafka.describe('npm run demo -- --cluster', () => {
  describe('--approve --json', () => {
    const data = useDataFolder();

    it('comes to the same as all in one process', async () => {
      const demo = RunningDemo.launch(data, '--cluster', '--approve', '--json');
      const ending = await demo.end();
      expect([ending, demo.errors]).toEqual([{ code: 0, signal: null }, expect.any(String)]);
      expect(JSON.parse(demo.lines.at(-1) ?? '')).toMatchObject({
        alerts: {
          received: 67,
          new: 18,
          updated: 4,
          duplicate: 11,
          grouped: 26,
          suppressed: 0,
          rejected: 8,
          pending: 0,
        },
        cases: 15,
        runs: { failed: 0, waiting: 0 },
        approvals: { granted: 2, denied: 0 },
        actions: { failed: 0, blocked: 0, unknown: 0 },
        targets: { firewall: 1, identity: 1 },
        audit: { verified: true },
      });
    });
  });

  describe('with one service after another killed in the middle', () => {
    const data = useDataFolder();
    let demo: RunningDemo;

    beforeAll(async () => {
      demo = await RunningDemo.start(data, '--cluster');
    }, 2 * PATIENCE_MS);

    function pidOf(service: ServiceName): number {
      const record: { pid: number } = JSON.parse(readFileSync(join(data, 'processes', `${service}.json`), 'utf8'));
      return record.pid;
    }

    /** Kill -9, and its launcher starts it again. */
    async function kill(service: ServiceName): Promise<void> {
      const before = pidOf(service);
      process.kill(before, 'SIGKILL');
      await eventually(`${service} to be started again`, () => Promise.resolve(pidOf(service) !== before));
    }

    /** As a SIEM does: what nobody answered for is sent again. */
    async function deliverSurely(alert: BundledAlert): Promise<void> {
      await eventually('an answer to an alert', async () => (await deliver(demo, alert)).outcome !== 'undelivered');
    }

    it('loses no alert, and goes on where it was', async () => {
      const victims: readonly ServiceName[] = ['ingest', 'enrichment', 'case', 'ledger', 'gateway'];
      const alerts = bundledAlerts();
      for (const [index, alert] of alerts.entries()) {
        const victim = index % 12 === 6 ? victims[Math.floor(index / 12)] : undefined;
        const killing = victim && kill(victim);
        await deliverSurely(alert);
        await killing;
      }
      const total = await eventually('nothing to be pending', async () => {
        const account = await (await demo.as('audrey')).get<IngestAccount>('/v1/ingest/account');
        return account.total.pending === 0 && account.total.received >= alerts.length && account.total;
      });
      const { received, ...outcomes } = total;
      expect(Object.values(outcomes).reduce((sum, one) => sum + one, 0)).toBe(received);
      expect(total).toMatchObject({ pending: 0, new: 18, grouped: 26, updated: 4 });
      expect(received - alerts.length).toBeLessThanOrEqual(victims.length);
    });

    it('does what was granted once, whichever process dies on the way', async () => {
      const asked = await waitingContainment(demo);
      await kill('approval');
      const again = await waitingContainment(demo);
      expect(again.map(({ id, digest }) => [id, digest])).toEqual(asked.map(({ id, digest }) => [id, digest]));
      for (const approval of asked) {
        await eventually('the grant to be answered', () => grantSurely(approval));
      }
      await Promise.all([kill('playbook-orchestrator'), kill('connector')]);
      await eventually('every run to end', async () => {
        const { items } = await (await demo.as('ruth')).get<{ items: RunSummary[] }>('/v1/runs', { limit: 500 });
        return items.every(({ status }) => status === 'completed' || status === 'failed');
      });
      expect((await containmentRun(demo)).status).toBe('completed');
      expect((await recordOf(data, 'firewall')).effects).toBe(1);
      expect((await recordOf(data, 'identity')).effects).toBe(1);
      let effects = 0;
      for (const name of OUTSIDE_SYSTEMS) {
        const record = await recordOf(data, name);
        expect([name, doneTwice(record)]).toEqual([name, []]);
        effects += record.effects;
      }
      const { counts } = await (await demo.as('ruth')).get<{ counts: ActionCounts }>('/v1/actions');
      expect(effects).toBeGreaterThanOrEqual(counts.succeeded);
      expect(effects).toBeLessThanOrEqual(counts.succeeded + counts.outcome_unknown);
    });

    async function grantSurely(approval: Parameters<typeof grant>[1]): Promise<boolean> {
      try {
        return (await grant(demo, approval)).status === 'granted';
      } catch (error) {
        if (error instanceof ApiUnreachable) return false;
        const olivia = await demo.as('olivia');
        const { status } = await olivia.get<{ status: string }>(`/v1/approvals/${approval.id}`);
        if (status === 'granted') return true;
        throw error;
      }
    }

    it('leaves a ledger that verifies, and stops within 10 seconds', async () => {
      const audrey = await demo.as('audrey');
      await audrey.post('/v1/audit/checkpoints');
      expect(await audrey.get('/v1/audit/verify')).toMatchObject({ verified: true });
      expect(SERVICES.map(pidOf).every((pid) => pid > 0)).toBe(true);
      const { code, ms } = await demo.terminate();
      expect(code).toBe(0);
      expect(ms).toBeLessThan(10_000);
    });
  });
});
