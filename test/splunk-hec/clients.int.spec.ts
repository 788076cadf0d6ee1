import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { join } from 'node:path';
import { useNpmPackage, usePython } from '#libs/testing';
import { useIngestService } from '../../services/ingest/src/ingest-service.fixture';

const python = usePython({ name: 'splunk-hec-handler', probe: 'import splunk_hec_handler', folder: 'splunk-hec' });
const describeNpm = useNpmPackage('splunk-hec', 'splunk-logging', 'REQUIRE_HEC_CLIENTS');

const ingest = useIngestService();
const published = async (sourceId: string) => (await ingest().published(sourceId)).map(({ data }) => data);

python.describe('the handler of PyPI, splunk-hec-handler', () => {
  it('logs here as it does to Splunk', async () => {
    const { source, token } = await ingest().register('python');
    const { hostname, port } = new URL(ingest().service.url);
    const program = join(__dirname, 'send_by_handler.py');
    const { code, stdout } = await python.run(program, [hostname, port, token]);
    expect(code).toBe(0);
    expect(stdout.trim()).toBe('403 {"text":"Invalid token","code":4}');
    expect(await published(source.id)).toMatchObject([
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
    const { source, token } = await ingest().register('node');
    const program = join(__dirname, 'send-by-splunk-logging.cjs');
    const { stdout } = await promisify(execFile)(process.execPath, [program, ingest().service.url, token]);
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
    expect(await published(source.id)).toMatchObject([
      { finding: { severity_id: 3, finding_info: { title: 'A message as it is' }, time: 1_795_528_800_000 } },
      { finding: { severity_id: 1, finding_info: { title: 'One of three' } } },
      { finding: { evidences: [{ device: { hostname: 'app-02' } }] } },
      { finding: { severity_id: 5, finding_info: { title: 'Three of three' } } },
    ]);
  });
});
