import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { join } from 'node:path';
import type { SourceWithToken } from '#contracts/http/ingest';
import type { BusMessage } from '#libs/bus';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import { useMigratedPostgres, useNpmPackage, usePython } from '#libs/testing';
import { service as ingest } from '../../services/ingest/src/service';

const python = usePython({ name: 'splunk-hec-handler', probe: 'import splunk_hec_handler', folder: 'splunk-hec' });
const describeNpm = useNpmPackage('splunk-hec', 'splunk-logging', 'REQUIRE_HEC_CLIENTS');

const postgres = useMigratedPostgres(ingest);
let issuer: TestIssuer;
let service: RunningService;

beforeAll(async () => {
  issuer = await startTestIssuer();
  service = await startService(ingest, {
    env: { COUNTERSIGN_PROFILE: 'development', LEDGER_URL: postgres.appUrl, INGEST_PORT: '0', OIDC_ISSUER: issuer.url },
    logger: createLogger('silent'),
  });
});
afterAll(async () => {
  await service.stop();
  await issuer.stop();
});

async function register(name: string): Promise<SourceWithToken> {
  const answer = await fetch(`${service.url}/v1/sources`, {
    method: 'POST',
    headers: { ...(await issuer.headersFor('root')), 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  return (await answer.json()) as SourceWithToken;
}

async function published({ source }: SourceWithToken) {
  const { rows } = await postgres
    .ownerPool()
    .query<{ message: BusMessage }>(
      `select message from bus.log where message -> 'data' ->> 'sourceId' = $1 order by position`,
      [source.id],
    );
  return rows.map(({ message }) => message.data);
}

python.describe('the handler of PyPI, splunk-hec-handler', () => {
  it('logs here as it does to Splunk', async () => {
    const source = await register('python');
    const { hostname, port } = new URL(service.url);
    const program = join(__dirname, 'send_by_handler.py');
    const { code, stdout } = await python.run(program, [hostname, port, source.token]);
    expect(code).toBe(0);
    expect(stdout.trim()).toBe('403 {"text":"Invalid token","code":4}');
    expect(await published(source)).toMatchObject([
      {
        format: 'hec-event',
        finding: {
          severity_id: 1,
          finding_info: { title: 'A message as it is' },
          metadata: { product: { name: '_json' } },
        },
      },
      { format: 'splunk-notable', finding: { severity_id: 4, finding_info: { uid: 'py-1' } } },
    ]);
  });
});

describeNpm('the client of npm, splunk-logging', () => {
  it('logs here as it does to Splunk', async () => {
    const source = await register('node');
    const program = join(__dirname, 'send-by-splunk-logging.cjs');
    const { stdout } = await promisify(execFile)(process.execPath, [program, service.url, source.token]);
    const output = stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(output).toEqual([
      { status: 200, body: { text: 'Success', code: 0 } },
      { status: 200, body: { text: 'Success', code: 0 } },
      { error: 4 },
      { status: 403, body: { text: 'Invalid token', code: 4 } },
    ]);
    expect(await published(source)).toMatchObject([
      { finding: { severity_id: 3, finding_info: { title: 'A message as it is' }, time: 1_795_528_800_000 } },
      { finding: { severity_id: 1, finding_info: { title: 'One of three' } } },
      { finding: { evidences: [{ device: { hostname: 'app-02' } }] } },
      { finding: { severity_id: 5, finding_info: { title: 'Three of three' } } },
    ]);
  });
});
