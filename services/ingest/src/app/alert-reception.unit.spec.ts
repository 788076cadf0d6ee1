import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AlertReceived, AlertRefused } from '#contracts/alert';
import { deterministicId, findUnstorableText, type JsonObject } from '#libs/kernel';
import { findFieldErrors } from '#libs/service';
import { readMappings } from '../adapters/mapping-folder';
import { FormatRegistry } from '../domain/formats/format-registry';
import {
  KEPT_OF_TOO_LARGE,
  LARGEST_ALERT,
  LARGEST_INLINE,
  receive as receptionsOf,
  type Received,
} from './alert-reception';

const fixtures = join(__dirname, '../../../../test/fixtures/alerts');
const fixture = (name: string): string[] => {
  const text = readFileSync(join(fixtures, name), 'utf8');
  return name.endsWith('.ndjson') ? text.split('\n').filter((line) => line !== '') : [text];
};

const formats = new FormatRegistry(readMappings(join(__dirname, '../../mappings')));
const now = new Date('2026-11-24T15:00:00Z');
const origin = {
  tenant: 'default',
  sourceId: '0c3f2a52-7d3d-5c0e-9f2c-5b0f9f2f0001',
  source: 'siem',
  askedFormat: undefined,
  sourceFormat: undefined,
};

function receive(body: string | Buffer, asked?: string): Received {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  const [received] = receptionsOf({ bytes, size: bytes.length }, { ...origin, askedFormat: asked }, formats, now);
  if (received === undefined) throw new Error('a page without alerts');
  const contract = received.kind === 'accepted' ? AlertReceived : AlertRefused;
  expect(findFieldErrors(contract, received.alert)).toEqual([]);
  return received;
}

function accept(body: string) {
  const received = receive(body);
  if (received.kind === 'refused') throw received.error;
  return received.alert;
}

function refuse(body: string | Buffer, asked?: string) {
  const received = receive(body, asked);
  if (received.kind === 'accepted') throw new Error(`accepted as ${received.alert.format}`);
  return received.alert;
}

const one = (name: string) => accept(fixture(name)[0] ?? '');

describe('a reception', () => {
  it('takes an OCSF finding as it is', () => {
    const alert = one('ocsf-finding.json');
    expect(alert).toMatchObject({
      format: 'ocsf',
      attack: ['T1078.004', 'T1078', 'TA0001'],
      finding: { class_uid: 2004, type_uid: 200401, severity_id: 4, finding_info: { uid: 'cig-2026-000117' } },
    });
    expect(alert.original.body).toBe(fixture('ocsf-finding.json')[0]);
    expect(alert.finding).toMatchObject({ evidences: [{ src_endpoint: { ip: '203.0.113.44' } }] });
  });

  it('tells findings of one uid from two products apart', () => {
    const finding = JSON.parse(fixture('ocsf-finding.json')[0] ?? '');
    const other = { ...finding, metadata: { ...finding.metadata, product: { name: 'Another' } } };
    expect(accept(JSON.stringify(finding)).alertId).not.toBe(accept(JSON.stringify(other)).alertId);
  });

  it('reads a Splunk notable with lists, keys with :: and JSON within texts', () => {
    expect(one('splunk-notable.json')).toMatchObject({
      format: 'splunk-notable',
      attack: ['T1110', 'T1078'],
      finding: {
        time: Date.parse('2026-11-24T14:05:11Z'),
        severity_id: 4,
        finding_info: { title: 'Brute force access behaviour from 203.0.113.77' },
        evidences: [
          {
            src_endpoint: { ip: '203.0.113.77' },
            dst_endpoint: { ip: '192.0.2.10', port: 443, hostname: 'vpn-gw-01' },
            actor: { user: { name: 'j.doe' } },
            device: { hostname: 'vpn-gw-01' },
          },
        ],
      },
    });
  });

  it('makes the alert id of tenant, source and the own id of the source', () => {
    const { event_id } = JSON.parse(fixture('splunk-notable.json')[0] ?? '');
    expect(one('splunk-notable.json').alertId).toBe(deterministicId('alert', 'default', origin.sourceId, event_id));
  });

  it('tells the results of one Splunk run apart, and the searches that found one event', () => {
    const alerts = fixture('splunk-webhook.ndjson').map(accept);
    expect(new Set(alerts.map(({ alertId }) => alertId)).size).toBe(4);
    expect(accept(fixture('splunk-webhook.ndjson')[0] ?? '').alertId).toBe(alerts[0]?.alertId);
    expect(alerts[0]?.finding).toMatchObject({
      finding_info: { title: 'DNS to a new domain' },
      evidences: [{ src_endpoint: { ip: '192.0.2.31' }, query: { hostname: 'cdn-7.example.net' } }],
    });
  });

  it('recognizes a later version of a notable', () => {
    const notable = JSON.parse(fixture('splunk-notable.json')[0] ?? '');
    const first = accept(JSON.stringify(notable));
    const later = accept(JSON.stringify({ ...notable, urgency: 'critical' }));
    expect(later.alertId).toBe(first.alertId);
    expect(later.digest).not.toBe(first.digest);
    expect(accept(JSON.stringify(notable, null, 4)).digest).toBe(first.digest);
  });

  it('reads an Elastic alert with nested keys', () => {
    expect(one('elastic-alert.json')).toMatchObject({
      format: 'elastic-alert',
      attack: ['T1003.001', 'T1003', 'TA0006'],
      finding: {
        severity_id: 5,
        finding_info: { title: 'LSASS Memory Dump', attacks: [{ sub_technique: { uid: 'T1003.001' } }, {}, {}] },
        evidences: [
          {
            device: { hostname: 'WS-0231', ip: '192.0.2.31' },
            actor: { user: { name: 'k.ito', domain: 'EXAMPLE' } },
            process: { pid: 7712, file: { hashes: [{ algorithm_id: 3 }] } },
          },
        ],
      },
    });
  });

  it('reads an Elastic alert with dotted keys, by its digest where it has no id', () => {
    const alert = one('elastic-alert-dotted.json');
    expect(alert).toMatchObject({
      attack: ['T1059.001'],
      finding: { severity_id: 3, evidences: [{ url: { url_string: 'http://files.example.net/a.ps1' } }] },
    });
    expect(alert.finding.finding_info.uid).toBe(alert.digest);
  });

  it('reads an Elastic hit by its document', () => {
    expect(one('elastic-hit.json')).toMatchObject({
      format: 'elastic-alert',
      finding: {
        finding_info: { uid: 'b0a1c2d3e4f5061728394a5b6c7d8e9f', title: 'New local administrator' },
        evidences: [{ actor: { user: { name: 'installer' } }, user: { name: 'backup-admin' } }],
      },
    });
  });

  it('tells hits of one Suricata signature in one flow apart, and a repeat not', () => {
    const [first, second, repeat, later, flow, withoutFlow] = fixture('suricata-eve.ndjson');
    const ids = [first, second, repeat, later, withoutFlow].map((line) => accept(line ?? '').alertId);
    expect(ids[1]).toBe(ids[2]);
    expect(new Set(ids).size).toBe(4);
    expect(accept(first ?? '')).toMatchObject({
      attack: ['T1071', 'TA0011'],
      finding: {
        severity_id: 4,
        evidences: [
          { src_endpoint: { ip: '192.0.2.50', port: 49152 }, url: { url_string: 'http://c2.example.net/gate.php' } },
        ],
      },
    });
    expect(refuse(flow ?? '')).toMatchObject({ code: 'invalid_field', field: 'event_type' });
  });

  it('reads Wazuh by its mapping, whose ids are those of one manager', () => {
    const alerts = fixture('wazuh.ndjson').map(accept);
    expect(alerts.map(({ format }) => format)).toEqual(['wazuh', 'wazuh', 'wazuh', 'wazuh']);
    expect(alerts.map(({ finding }) => finding.severity_id)).toEqual([3, 3, 5, 1]);
    expect(new Set(alerts.map(({ alertId }) => alertId)).size).toBe(4);
    expect(alerts[0]).toMatchObject({
      attack: ['T1110'],
      finding: { evidences: [{ src_endpoint: { ip: '203.0.113.9' }, device: { hostname: 'bastion-01' } }] },
    });
  });

  it('keeps integers apart that a double would round into one', () => {
    const eve = (flow: string) => (fixture('suricata-eve.ndjson')[0] ?? '').replace('1303033428771908', flow);
    expect(accept(eve('18446744073709551614')).alertId).not.toBe(accept(eve('18446744073709551615')).alertId);
  });
});

describe('a refusal', () => {
  const notable = { event_id: 'a@@notable@@b', search_name: 'S' };

  it.each([
    ['text that is no JSON', '{"event_id": ', 'invalid_json', null],
    ['a list where an alert belongs', '[1]', 'invalid_field', '(root)'],
    ['a number', '42', 'invalid_field', '(root)'],
    [
      'NUL in a text',
      JSON.stringify({ ...notable, result: { user: ['x', 'a\0b'] } }),
      'invalid_character',
      'result.user[1]',
    ],
    ['half a surrogate pair', JSON.stringify({ ...notable, user: '\ud800' }), 'invalid_character', 'user'],
    ['NUL in a key', JSON.stringify({ ...notable, 'a\0': 1 }), 'invalid_character', 'a\\u0000'],
    ['a shape that is not known', '{"hello":"world"}', 'unknown_format', null],
    [
      'a notable without id',
      '{"search_name":"S","index":"notable","result":null,"event_id":"","_bkt":"b","_cd":""}',
      'invalid_field',
      'event_id',
    ],
    ['a time that is none', JSON.stringify({ ...notable, _time: 'yesterday' }), 'invalid_field', '_time'],
    ['an OCSF class that is no finding', '{"class_uid":3002,"category_uid":3}', 'invalid_field', 'class_uid'],
    [
      'an OCSF finding without uid',
      '{"class_uid":2004,"finding_info":{"title":"x"},"metadata":{"product":{}}}',
      'invalid_field',
      'finding_info.uid',
    ],
    [
      'a text where an object belongs',
      '{"class_uid":2004,"finding_info":"x","metadata":{"product":{}}}',
      'invalid_field',
      'finding_info',
    ],
    ['an EVE alert without its alert', '{"event_type":"alert","flow_id":1,"alert":["x"]}', 'invalid_field', 'alert'],
    ['something endless', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`, 'invalid_field', '(root)'],
  ])('of %s names the field and the reason', (_, body, code, field) => {
    const refused = refuse(body);
    expect(refused).toMatchObject({ code, field, sourceId: origin.sourceId });
    expect(refused.original).toEqual({ encoding: 'utf-8', body, size: Buffer.byteLength(body) });
  });

  it.each([
    ['NUL', '{"event_id":\0}'],
    ['half of an emoji', '{"event_id":\u{1f600}}'],
    ['NUL in a key', '{"event_id":"a","\\u0000":tru}'],
  ])('can be stored itself, also where its reason quotes %s', (_, body) => {
    const refused = refuse(body);
    expect(refused.code).toBe('invalid_json');
    expect(findUnstorableText(refused as unknown as JsonObject)).toBeUndefined();
  });

  it('of a format that is not known names those that are', () => {
    expect(refuse(JSON.stringify(notable), 'arcsight')).toMatchObject({
      code: 'unknown_format',
      field: 'format',
      reason: expect.stringContaining('splunk-notable'),
    });
  });

  it('keeps bytes that are no text', () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0x7d]);
    expect(refuse(bytes)).toMatchObject({
      code: 'invalid_character',
      original: { encoding: 'base64', body: bytes.toString('base64'), size: 4 },
    });
  });

  it('of an alert that is too large keeps its beginning', () => {
    const body = JSON.stringify({ ...notable, note: 'x'.repeat(LARGEST_ALERT) });
    const refused = refuse(body);
    expect(refused).toMatchObject({ code: 'alert_too_large', original: { size: body.length, truncated: true } });
    expect(refused.original.body).toHaveLength(KEPT_OF_TOO_LARGE);
  });

  it('does not let keys of objects pass for fields', () => {
    expect(refuse('{"__proto__":{"event_id":"x","search_name":"y"}}')).toMatchObject({ code: 'unknown_format' });
    expect(accept(JSON.stringify({ ...notable, constructor: 'x', toString: ['y'], user: { name: 'u' } })).format).toBe(
      'splunk-notable',
    );
  });
});

describe('a large alert', () => {
  const large = (note: string) => JSON.stringify({ event_id: 'n-1', search_name: 'S', user: 'j.doe', note, last: 'x' });
  const body = large('y'.repeat(LARGEST_INLINE));
  const receptionOf = (text: string) => {
    const bytes = Buffer.from(text);
    const [received] = receptionsOf({ bytes, size: bytes.length }, origin, formats, now);
    if (received === undefined) throw new Error('nothing was received');
    return received;
  };

  it('is kept aside as a whole, and travels as a summary', () => {
    const received = receptionOf(body);
    expect(received.kind).toBe('accepted');
    expect(received.aside?.toString()).toBe(body);
    const { original } = received.alert;
    expect(original).toMatchObject({ size: body.length, truncated: true, encoding: 'utf-8' });
    expect(original.digest).toBe(createHash('sha256').update(body).digest('hex'));
    const summary: unknown = JSON.parse(original.body);
    expect(summary).toMatchObject({ event_id: 'n-1', user: 'j.doe', last: 'x', note: expect.stringMatching(/^y+$/) });
    expect(JSON.stringify(received.alert).length).toBeLessThan(LARGEST_INLINE);
  });

  it('is known again by the whole of it', () => {
    const [first, later] = [receptionOf(body), receptionOf(large(`${'y'.repeat(LARGEST_INLINE)}z`))];
    if (first.kind !== 'accepted' || later.kind !== 'accepted') throw new Error('refused');
    expect(later.alert.alertId).toBe(first.alert.alertId);
    expect(later.alert.digest).not.toBe(first.alert.digest);
    expect(later.alert.original.body).toBe(first.alert.original.body);
  });

  it('that a format refuses is kept as well', () => {
    const received = receptionOf(JSON.stringify({ hello: 'y'.repeat(LARGEST_INLINE) }));
    expect(received).toMatchObject({ kind: 'refused', alert: { code: 'unknown_format' } });
    expect(received.aside?.length).toBe(received.alert.original.size);
  });

  it('of any shape leads to a message of bounded size that its contract allows', () => {
    const finding = JSON.parse(fixture('ocsf-finding.json')[0] ?? '');
    const wide = Object.fromEntries(Array.from({ length: 9_000 }, (_, index) => [`k${index}`, ['v'.repeat(20)]]));
    const deep = Array.from({ length: 90 }).reduce<unknown>((inner) => ({ d: inner }), 'x');
    const nested = Object.fromEntries(
      Array.from({ length: 60 }, (_, a) => [
        a,
        Object.fromEntries(Array.from({ length: 60 }, (_, b) => [b, wide.k1 ?? deep])),
      ]),
    );
    for (const unmapped of [
      wide,
      nested,
      Array.from({ length: 10_000 }, () => ({ deep })),
      'z'.repeat(LARGEST_ALERT / 2),
    ]) {
      const received = receptionOf(JSON.stringify({ ...finding, unmapped }));
      if (received.kind !== 'accepted') throw received.error;
      expect(findFieldErrors(AlertReceived, received.alert)).toEqual([]);
      expect(received.alert.finding).toMatchObject({ class_uid: 2004, severity_id: 4 });
      expect(Buffer.byteLength(JSON.stringify(received.alert))).toBeLessThan(LARGEST_INLINE);
    }
  });
});
