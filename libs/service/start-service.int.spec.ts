import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { adopt } from '#libs/local';
import { useMigratedPostgres } from '#libs/testing';
import { startService } from '.';
import { definition, endpoints, logger, upload, user, useNotesService } from './notes-harness';

const postgres = useMigratedPostgres();
const harness = useNotesService(postgres);

describe('operations', () => {
  it('tell health, readiness and metrics', async () => {
    expect((await harness.call('GET', '/healthz')).body).toEqual({ status: 'ok', details: {} });
    const ready = await harness.call('GET', '/readyz');
    expect(ready.status).toBe(200);
    expect(ready.body.details).toMatchObject({ database: { status: 'up' }, bus: { status: 'up' } });
    const metrics = await harness.call('GET', '/metrics');
    expect(metrics.body.text).toMatch(
      /countersign_http_request_duration_seconds_count{service="case",method="GET",route="\/readyz",status="200"} \d+/,
    );
    expect(metrics.body.text).toContain('countersign_visibility_lag_events{service="case"} 0');
    expect(metrics.body.text).toContain('process_cpu_seconds_total');
  });
});

describe('a service that is put together wrongly does not start', () => {
  it('when a route is not in the table, or a row of the table has no controller', async () => {
    const missing = { ...user, method: 'GET', path: '/v1/unserved', permission: 'cases:read' } as const;
    await expect(
      startService(definition, { env: harness.environment, endpoints: [...endpoints.slice(0, -1), missing], logger }),
    ).rejects.toMatchObject({
      code: 'invalid_configuration',
      errors: [
        { field: 'POST /v1/upload', reason: expect.stringContaining('not in the table') },
        { field: 'GET /v1/unserved', reason: expect.stringContaining('no controller') },
      ],
    });
  });

  it('when its login may not act as its role', async () => {
    const env = { ...harness.environment, LEDGER_URL: postgres.urlFor('ledger') };
    await expect(startService(definition, { env, endpoints, logger })).rejects.toMatchObject({
      code: 'invalid_configuration',
      field: 'LEDGER_URL',
      reason: expect.stringContaining('may not act as countersign_case'),
    });
  });

  it('when it is a superuser in production', async () => {
    const env = {
      ...harness.environment,
      COUNTERSIGN_PROFILE: 'production',
      LEDGER_URL: postgres.superuserUrl,
      OIDC_ISSUER: 'https://login.example.org',
      OIDC_CLIENTS: 'cli=human',
      COUNTERSIGN_ROOT_PUBLIC_KEY_FILE: '/etc/countersign/root.pem',
    };
    await expect(startService(definition, { env, endpoints, logger })).rejects.toMatchObject({
      reason: expect.stringContaining('superuser'),
    });
  });
});

describe('a ledger that was restored here and not adopted', () => {
  beforeEach(async () => {
    await postgres
      .ownerPool()
      .query(`insert into ledger.server (system_identifier, tx_offset) values ('1', ledger.tx_offset())`);
  });
  afterEach(() => adopt({ url: postgres.ownerUrl }));

  it('lets no service start, and says what to do', async () => {
    const starting = startService(definition, { env: harness.environment, endpoints, logger });
    await expect(starting).rejects.toMatchObject({
      code: 'ledger_not_adopted',
      field: 'LEDGER_URL',
      reason: expect.stringContaining('run `countersign ledger adopt`'),
    });
  });

  it('is not ready for a service that runs, and is again once it is adopted', async () => {
    const untilLedgerIs = async (status: string) => {
      for (;;) {
        const shown = JSON.stringify((await harness.call('GET', '/readyz')).body);
        if (shown.includes(`"ledger":{"status":"${status}"}`) && shown.includes(`"database":{"status":"up"}`)) return;
        await wait(20);
      }
    };
    const superuser = new Client({ connectionString: postgres.superuserUrl });
    await superuser.connect();
    await superuser.query(`select pg_terminate_backend(pid) from pg_stat_activity
                              where datname = current_database() and usename = 'countersign_app'`);
    await superuser.end();
    await untilLedgerIs('down');
    await adopt({ url: postgres.ownerUrl });
    await untilLedgerIs('up');
  });
});

it('stops while a request is under way, which still gets its answer', async () => {
  const other = await startService(definition, { env: harness.environment, endpoints, logger });
  const sending = request(`${other.url}/v1/upload`, { method: 'POST', headers: { authorization: 'Bearer cs_1' } });
  const received = new Promise<void>((resolve) => (upload.received = resolve));
  const answer = once(sending, 'response');
  sending.write('half');
  await received;

  const before = Date.now();
  const stopped = other.stop();
  sending.end('rest');
  const [response] = await answer;
  expect(await text(response)).toContain('"bytes":8');
  await stopped;
  expect(Date.now() - before).toBeLessThan(10_000);
  await expect(fetch(`${other.url}/healthz`)).rejects.toThrow();
});
