import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMappings } from '../adapters/mapping-folder';
import { splitList } from '../domain/alert-json';
import { FormatRegistry } from '../domain/formats/format-registry';
import { receive, type Received } from './alert-reception';

/** Alerts of real products, collected outside of the repository: reported as skipped where they are not. */
const samples = join(__dirname, '../../../../../shared/samples/alerts');
const present = existsSync(samples);

const formats = new FormatRegistry(readMappings(join(__dirname, '../../mappings')));

function receiveFile(product: string, file: string): Received[] {
  const text = readFileSync(join(samples, product, file), 'utf8');
  const alerts = /\.(ndjson|txt)$/.test(file) ? text.split('\n').filter((line) => line.trim() !== '') : splitList(text);
  return (alerts ?? [text]).flatMap((alert) => {
    const bytes = Buffer.from(alert);
    const origin = {
      tenant: 'default',
      sourceId: '0c3f2a52-7d3d-5c0e-9f2c-5b0f9f2f0001',
      source: 'samples',
      askedFormat: undefined,
      sourceFormat: undefined,
    };
    return [...receive({ bytes, size: bytes.length }, origin, formats, new Date('2026-11-24T15:00:00Z'))];
  });
}

const products = present ? readdirSync(samples) : [];
const filesOf = (product: string): string[] => readdirSync(join(samples, product));

/** What is no alert, by the reason that its refusal gives. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  'aws-security-hub/eventbridge-insight-2.json': ['unknown_format null'],
  'crowdstrike/detections.ndjson': ['invalid_field ExternalApiType'],
  'crowdstrike/falcon-data-replicator.ndjson': [
    'invalid_field fdr_event_type',
    'invalid_field event_simpleName',
    'unknown_format null',
  ],
  'microsoft-defender/streaming.ndjson': ['invalid_field category'],
  'microsoft-sentinel/security-alerts.csv': ['alert_too_large null', 'invalid_json null'],
  'okta/system-log.ndjson': ['invalid_field published'],
  'palo-alto-cortex-xdr/alerts-empty.json': ['unknown_format null'],
  'palo-alto-cortex-xdr/alerts-wrong-type.json': ['unknown_format null'],
  'rapid7-insightidr/alert-evidence.json': ['unknown_format null'],
  'sentinelone/threats-empty.json': ['unknown_format null'],
  'wazuh/sysmon-degraded-telemetry.broken.txt': ['invalid_json null', 'invalid_field timestamp'],
};

/** Files in which one finding is told in several versions, or under an id that was masked. */
const VERSIONS = new Set([
  'aws-guardduty/findings.ndjson',
  'aws-security-hub/findings.ndjson',
  'carbon-black/alerts.ndjson',
  'crowdstrike/detections.ndjson',
  'okta/system-log.ndjson',
  'sentinelone/activities.ndjson',
  'splunk/notable-events-two.json',
  'upwind/detections.ndjson',
  'wiz/issues-and-detections.ndjson',
]);

(present ? describe : describe.skip)('alerts of real products', () => {
  it.each(products)('of %s are accepted, or refused for what they are', (product) => {
    for (const file of filesOf(product)) {
      const name = `${product}/${file}`;
      const received = receiveFile(product, file);
      const known = product === 'suricata' ? ['invalid_field event_type'] : (REFUSED[name] ?? []);
      const refusals = received.flatMap(({ kind, alert }) =>
        kind === 'refused' ? [`${alert.code} ${alert.field?.split('.').at(-1) ?? null}`] : [],
      );
      expect([name, refusals.filter((refusal) => !known.includes(refusal))]).toEqual([name, []]);
      const accepted = received.filter(({ kind }) => kind === 'accepted');
      if (known.length === 0) expect([name, accepted.length]).toEqual([name, received.length]);
    }
  });

  it.each(products)('of %s stay as many as they are', (product) => {
    for (const file of filesOf(product).filter((name) => !VERSIONS.has(`${product}/${name}`))) {
      const ids = new Map<string, string>();
      for (const received of receiveFile(product, file)) {
        if (received.kind === 'accepted') ids.set(received.alert.digest, received.alert.alertId);
      }
      expect([file, new Set(ids.values()).size]).toEqual([file, ids.size]);
    }
  });

  it('of Suricata are accepted where they are alerts', () => {
    for (const file of filesOf('suricata')) {
      for (const { kind, alert } of receiveFile('suricata', file)) {
        const isAlert = JSON.parse(alert.original.body).event_type === 'alert';
        expect([file, kind]).toEqual([file, isAlert ? 'accepted' : 'refused']);
      }
    }
  });

  it('of Wazuh name the line that is no JSON and the time that is none, and lose no neighbour', () => {
    const received = receiveFile('wazuh', 'sysmon-degraded-telemetry.broken.txt');
    expect(received.map((one) => (one.kind === 'refused' ? one.alert.code : 'accepted')).sort()).toEqual([
      'accepted',
      'accepted',
      'accepted',
      'invalid_field',
      'invalid_json',
    ]);
  });
});
