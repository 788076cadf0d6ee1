import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { request } from 'undici';
import type { IngestAccount } from '../../contracts/http/ingest';
import type { AlertView } from '../../contracts/http/case';
import type { RunningSystem } from './running-system';

const LOOK_MS = 100;
const PROBE_MS = 50;
const PATIENCE_MS = 120_000;

/** What has become of alerts that were sent: by the ledger, and as the API shows it. */
export class AlertOutcomes {
  private counted = { events: 0, tx: '0', position: '0' };

  private constructor(
    private readonly system: RunningSystem,
    private readonly client: Client,
  ) {}

  static async of(system: RunningSystem): Promise<AlertOutcomes> {
    const client = new Client({ connectionString: system.database.server.url('countersign') });
    await client.connect();
    return new AlertOutcomes(system, client);
  }

  /**
   * Each receipt has one event among those of alerts: its outcome. Counts what has come since it was asked last, one call at
   * a time: to count all of them whenever somebody looks would take longer than to write them.
   */
  async decided(): Promise<number> {
    const { events, tx, position } = this.counted;
    const { rows } = await this.client.query<{ more: string; tx: string; position: string }>(
      `select count(*) over () as more, tx::text, position::text from ledger.events
       where category = 'alert' and (tx, position) > ($1::xid8, $2::bigint) and tx < ledger.visible_before()
       order by ledger.events.tx desc, ledger.events.position desc limit 1`,
      [tx, position],
    );
    const [last] = rows;
    if (last) this.counted = { events: events + Number(last.more), tx: last.tx, position: last.position };
    return this.counted.events;
  }

  async untilDecided(count: number): Promise<void> {
    await until(`${count} alerts to be decided on`, async () => (await this.decided()) >= count);
  }

  /** Everything that follows has been done too: the account is settled, and the read models have it. */
  async untilSettled(): Promise<void> {
    await until('the account to be settled', async () => (await this.account()).total.pending === 0);
    await until('the read models to follow', async () => (await this.readModelLag()) === 0);
  }

  async account(): Promise<IngestAccount> {
    return this.get('ingest', '/v1/ingest/account');
  }

  /** Resolves when the alert's outcome can be read, and the case that it led to. */
  async untilReadable(alertId: string): Promise<void> {
    let alert: AlertView | undefined;
    await until(
      `alert ${alertId}`,
      async () => (alert = await this.find<AlertView>(`/v1/alerts/${alertId}`)) !== undefined,
      PROBE_MS,
    );
    const caseId = alert?.caseId;
    if (caseId)
      await until(`case ${caseId}`, async () => (await this.find(`/v1/cases/${caseId}`)) !== undefined, PROBE_MS);
  }

  /** Rows of the ledger that the alerts have led to, in the order in which they were written. */
  async eventRows(limit: number): Promise<Record<string, unknown>[]> {
    const { rows } = await this.client.query<Record<string, unknown>>(
      `select category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash, tx::text, shelf
       from ledger.events where category in ('alert', 'correlation', 'case') order by tx, position limit $1`,
      [limit],
    );
    return rows;
  }

  async deadLetters(): Promise<number> {
    const { rows } = await this.client.query<{ count: string }>('select count(*) as count from bus.dead_letter');
    return Number(rows[0]?.count ?? 0);
  }

  close(): Promise<void> {
    return this.client.end();
  }

  /** Events of cases that the slower of their read models has not applied. */
  private async readModelLag(): Promise<number> {
    const { rows } = await this.client.query<{ count: string }>(
      `select count(*) as count from ledger.events
       where category = 'case' and (tx::text::numeric, position) >
         (select tx, position from svc_case.projection_checkpoint
          where projection in ('case-list', 'case-detail') order by tx, position limit 1)`,
    );
    return Number(rows[0]?.count ?? 0);
  }

  private async find<Body>(path: string): Promise<Body | undefined> {
    const { statusCode, body } = await request(`${this.system.urlOf('case')}${path}`, {
      headers: await this.system.headers(),
    });
    const text = await body.text();
    if (statusCode === 404) return undefined;
    if (statusCode !== 200) throw new Error(`${path} was answered ${statusCode}: ${text}`);
    return JSON.parse(text) as Body;
  }

  private async get<Body>(service: 'ingest', path: string): Promise<Body> {
    const { statusCode, body } = await request(`${this.system.urlOf(service)}${path}`, {
      headers: await this.system.headers(),
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${path} was answered ${statusCode}: ${text}`);
    return JSON.parse(text) as Body;
  }
}

async function until(what: string, isSo: () => Promise<boolean>, everyMs = LOOK_MS): Promise<void> {
  let last = performance.now();
  for (const begun = last; !(await isSo()); await wait(everyMs)) {
    last = performance.now();
    if (last - begun > PATIENCE_MS) throw new Error(`waited ${PATIENCE_MS / 1_000} s for ${what}`);
  }
}
