import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { useIngestService } from '../../services/ingest/src/ingest-service.fixture';

const ingest = useIngestService();

describe('the exporters of the OpenTelemetry SDK', () => {
  it.each([
    ['json', 'none'],
    ['json', 'gzip'],
    ['protobuf', 'none'],
    ['protobuf', 'gzip'],
  ])('log here in %s with %s compression, and the same when it is sent again', async (encoding, compression) => {
    const { source, token } = await ingest().register(`sdk-${encoding}-${compression}`);
    const program = join(__dirname, 'export-logs.cjs');
    for (let round = 0; round < 2; round += 1) {
      const args = [program, ingest().service.url, token, encoding, compression];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      expect(stdout.trim()).toBe('{"code":0}');
    }
    const alerts = (await ingest().published(source.id)).map(({ data }) => data);
    expect(alerts.slice(0, 4)).toMatchObject([
      {
        format: 'otlp-log',
        finding: {
          time: Date.parse('2026-11-24T14:00:00Z'),
          severity_id: 4,
          finding_info: { uid: 'r-1', title: 'Password guessing against the VPN' },
          metadata: { product: { name: 'vpn' } },
          evidences: [
            {
              src_endpoint: { ip: '203.0.113.66', port: 4711 },
              device: { hostname: 'vpn-gw-01' },
              actor: { user: { name: 'j.doe' } },
            },
          ],
        },
      },
      { format: 'splunk-notable', finding: { severity_id: 5, finding_info: { uid: 'n-1' } } },
      { format: 'splunk-notable' },
      {
        format: 'otlp-log',
        finding: {
          severity_id: 6,
          finding_info: { title: 'device.lost' },
          evidences: [{ device: { hostname: 'phone' } }],
        },
      },
    ]);
    expect(alerts[2]?.['alertId']).toBe(alerts[1]?.['alertId']);
    expect(alerts[2]?.['digest']).toBe(alerts[1]?.['digest']);
    // Which SDK a program has, and when it saw something, is not in what these records say of themselves.
    expect(alerts.slice(4, 7).map(({ alertId }) => alertId)).toEqual(alerts.slice(0, 3).map(({ alertId }) => alertId));
  });
});
