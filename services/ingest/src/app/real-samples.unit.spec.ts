import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '#libs/event-store';
import { parseMapping } from '../adapters/mapping-folder';
import { parseAlert, splitList } from '../domain/alert-json';
import { FormatRegistry } from '../domain/formats/format-registry';
import { LARGEST_ALERT, receiveAlert, type Received } from './alert-reception';

/** Alerts of real products, collected outside of the repository: reported as skipped where they are not. */
const samples = join(__dirname, '../../../../../shared/samples/alerts');
const present = existsSync(samples);

const formats = new FormatRegistry([
  parseMapping('wazuh.yaml', readFileSync(join(__dirname, '../../mappings/wazuh.yaml'), 'utf8')),
]);

function alertsOf(...path: string[]): string[] {
  const text = readFileSync(join(samples, ...path), 'utf8');
  if (/\.(ndjson|txt)$/.test(path.at(-1) ?? '')) return text.split('\n').filter((line) => line.trim() !== '');
  return splitList(text) ?? [text];
}

function receive(text: string): Received {
  const bytes = Buffer.from(text);
  return receiveAlert(
    { bytes, size: bytes.length },
    {
      tenant: 'default',
      sourceId: '0c3f2a52-7d3d-5c0e-9f2c-5b0f9f2f0001',
      source: 'samples',
      askedFormat: undefined,
      sourceFormat: undefined,
    },
    formats,
    new Date('2026-11-24T15:00:00Z'),
  );
}

const files = (product: string) =>
  present ? readdirSync(join(samples, product)).filter((file) => /\.(json|ndjson)$/.test(file)) : [];

(present ? describe : describe.skip)('alerts of real products', () => {
  it.each(['splunk', 'elastic', 'wazuh'])('of %s are all accepted', (product) => {
    for (const file of files(product)) {
      for (const text of alertsOf(product, file)) {
        const received = receive(text);
        expect([file, received.kind === 'refused' ? received.alert : 'accepted']).toEqual([file, 'accepted']);
      }
    }
  });

  it('of Suricata are accepted where they are alerts, and the other records are refused for their type', () => {
    for (const file of files('suricata')) {
      for (const text of alertsOf('suricata', file)) {
        const received = receive(text);
        const isAlert = parseAlert(text).event_type === 'alert';
        expect([file, received.kind]).toEqual([file, isAlert ? 'accepted' : 'refused']);
        if (received.kind === 'refused') expect(received.alert).toMatchObject({ field: 'event_type' });
      }
    }
  });

  it.each(['splunk', 'elastic', 'suricata', 'wazuh'])('of %s stay as many as they are', (product) => {
    const idsByDocument = new Map<string, string>();
    for (const file of files(product)) {
      for (const text of alertsOf(product, file)) {
        const received = receive(text);
        if (received.kind === 'refused') continue;
        const document = canonicalJson(parseAlert(text));
        expect(idsByDocument.get(document) ?? received.alert.alertId).toBe(received.alert.alertId);
        idsByDocument.set(document, received.alert.alertId);
      }
    }
    // The two notables share _bkt and _cd: one event of the index, seen in two versions.
    const versions = product === 'splunk' ? 1 : 0;
    expect(new Set(idsByDocument.values()).size).toBe(idsByDocument.size - versions);
  });

  it('of Wazuh name the line that is no JSON and the time that is none', () => {
    const refused = alertsOf('wazuh', 'sysmon-degraded-telemetry.broken.txt').map(receive);
    expect(refused.flatMap(({ kind, alert }) => (kind === 'refused' ? [[alert.code, alert.field]] : []))).toEqual([
      ['invalid_json', null],
      ['invalid_field', 'timestamp'],
    ]);
  });

  it('of products without a format are refused by that reason, and never crash', () => {
    const known = ['splunk', 'elastic', 'suricata', 'wazuh'];
    for (const product of readdirSync(samples).filter((name) => !known.includes(name))) {
      for (const file of files(product)) {
        for (const text of alertsOf(product, file)) {
          const received = receive(text);
          const code = received.kind === 'refused' ? received.alert.code : received.alert.format;
          const expected = Buffer.byteLength(text) > LARGEST_ALERT ? 'alert_too_large' : 'unknown_format';
          expect([product, file, code]).toEqual([product, file, expected]);
        }
      }
    }
  });
});
