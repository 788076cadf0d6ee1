import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AlertReceived } from '#contracts/alert';
import type { JsonObject, JsonValue } from '#libs/kernel';
import { findFieldErrors } from '#libs/service';
import { readMappings } from '../adapters/mapping-folder';
import { SEVERITY_IDS, type SeverityName } from '../domain/formats/alert-severity';
import { BUILT_IN_FORMATS, FormatRegistry } from '../domain/formats/format-registry';
import { receive, type Received } from './alert-reception';

const mapped = readMappings(join(__dirname, '../../mappings'));
const formats = new FormatRegistry(mapped);
const folder = join(__dirname, '../../../../test/fixtures/alerts/products');
const fixture = (format: string): JsonObject => JSON.parse(readFileSync(join(folder, `${format}.json`), 'utf8'));

function receptionsOf(body: JsonValue, asked?: string): Received[] {
  const bytes = Buffer.from(JSON.stringify(body));
  const origin = {
    tenant: 'default',
    sourceId: '0c3f2a52-7d3d-5c0e-9f2c-5b0f9f2f0001',
    source: 'siem',
    askedFormat: asked,
    sourceFormat: undefined,
  };
  return [...receive({ bytes, size: bytes.length }, origin, formats, new Date('2026-11-27T15:00:00Z'))];
}

function acceptedOf(received: Received | undefined) {
  if (received?.kind !== 'accepted') throw new Error(JSON.stringify(received?.alert ?? 'nothing'));
  expect(findFieldErrors(AlertReceived, received.alert)).toEqual([]);
  return received.alert;
}
const accept = (body: JsonValue) => acceptedOf(receptionsOf(body)[0]);

/** A copy with another value at a path: `a.b.0.c`. */
function changed(alert: JsonObject, path: string, value: JsonValue): JsonObject {
  const copy: JsonObject = structuredClone(alert);
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce<JsonValue | undefined>((at, key) => (at as JsonObject)[key], copy) as JsonObject;
  if (!(last in parent)) throw new Error(`there is no ${path}`);
  parent[last] = value;
  return copy;
}

interface Product {
  readonly severity: SeverityName;
  readonly attack?: readonly string[];
  /** A part that changes while the finding stays the same, and the severity afterwards where it changes with it. */
  readonly update: readonly [path: string, value: JsonValue];
  readonly updated?: SeverityName;
  /** The part that makes it another finding. */
  readonly other: readonly [path: string, value: JsonValue];
  readonly title: string;
  readonly evidence?: object;
}

const host = (hostname: string) => ({ device: { hostname } });
const from = (ip: string) => ({ src_endpoint: { ip } });
const by = (name: string) => ({ actor: { user: { name } } });
const mail = (email_addr: string) => ({ actor: { user: { email_addr } } });

const PRODUCTS: Readonly<Record<string, Product>> = {
  'microsoft-sentinel-incident': {
    title: 'Sign-ins from two continents',
    severity: 'high',
    attack: ['T1078', 'T1110.003', 'TA0001', 'TA0006'],
    update: ['object.properties.severity', 'Low'],
    updated: 'low',
    other: ['object.id', '/subscriptions/9c1d8f34/Incidents/another'],
    evidence: {
      ...host('ws-0231'),
      ...from('203.0.113.19'),
      actor: { user: { name: 'k.ito', domain: 'example.com' } },
    },
  },
  'microsoft-sentinel-alert': {
    title: 'Rare process started by a service',
    severity: 'medium',
    attack: ['T1569.002', 'T1543', 'TA0002', 'TA0003'],
    update: ['AlertSeverity', 'Informational'],
    updated: 'informational',
    other: ['SystemAlertId', 'c6bd1f0e-42b1-7c1d-7d5c-000000000000'],
    evidence: host('ws-0231'),
  },
  'microsoft-defender-alert': {
    title: 'Hidden file was started',
    severity: 'medium',
    attack: ['T1564.001', 'TA0005'],
    update: ['status', 'resolved'],
    other: ['id', 'da638999227677560813_1'],
    evidence: { ...host('ws-0231.example.com'), process: { pid: 4780, cmd_line: '"tool.exe" -q' }, ...by('k.ito') },
  },
  'microsoft-defender-endpoint-alert': {
    title: 'Script host started a download',
    severity: 'high',
    attack: ['T1059.005', 'T1105', 'TA0002'],
    update: ['severity', 'Informational'],
    updated: 'informational',
    other: ['id', 'da637472900382838869_1'],
    evidence: { ...from('198.51.100.40'), ...by('k.ito') },
  },
  'microsoft-defender-incident': {
    title: 'Mail with a stealer, opened by two people',
    severity: 'high',
    attack: ['T1566.001', 'TA0001'],
    update: ['status', 'Resolved'],
    other: ['incidentId', 924778],
    evidence: from('203.0.113.40'),
  },
  'microsoft-defender-hunting': {
    title: 'System binary started a foreign library',
    severity: 'high',
    attack: ['T1218', 'T1218.011', 'TA0005'],
    update: ['properties.Severity', 'Medium'],
    updated: 'medium',
    other: ['properties.AlertId', 'da638999227677560813_2'],
  },
  'crowdstrike-alert': {
    title: 'CredentialDump',
    severity: 'critical',
    attack: ['T1003.001', 'TA0006'],
    update: ['status', 'closed'],
    other: ['composite_id', 'd615aaaabbbbccccddddeeeeffff0001:ind:e1b2:1'],
    evidence: {
      ...host('WS-0231'),
      process: {
        cmd_line: 'dump.exe -ma lsass.exe out.dmp',
        parent_process: { name: 'cmd.exe' },
        file: { hashes: [{ algorithm_id: 3 }, { algorithm_id: 1 }] },
      },
    },
  },
  'crowdstrike-event': {
    title: 'Beacon',
    severity: 'medium',
    attack: ['T1071', 'TA0011'],
    update: ['event.SeverityName', 'High'],
    updated: 'high',
    other: ['event.CompositeId', 'd615aaaabbbbccccddddeeeeffff0001:ind:e1b2:2'],
    evidence: { ...host('WS-0231'), ...by('k.ito') },
  },
  'aws-guardduty': {
    title: 'Secrets were read in an unusual way by deploy.',
    severity: 'medium',
    attack: ['TA0006'],
    update: ['detail.severity', 8],
    updated: 'high',
    other: ['detail.id', 'b4b01b60fc24a199139f8f5f49000002'],
    evidence: { ...from('203.0.113.55'), ...by('deploy') },
  },
  'aws-security-hub': {
    title: 'Security groups should not allow unrestricted access',
    severity: 'critical',
    attack: ['TA0001'],
    update: ['Severity', { Normalized: 40 }],
    updated: 'medium',
    other: ['AwsAccountId', '444455556666'],
    evidence: from('203.0.113.60'),
  },
  'aws-inspector': {
    title: 'CVE-2026-0001 - libexample',
    severity: 'high',
    update: ['severity', 'UNTRIAGED'],
    updated: 'unknown',
    other: ['findingArn', 'arn:aws:inspector2:eu-west-1:111122223333:finding/2'],
    evidence: { device: { hostname: 'i-0abc0001', ip: '192.0.2.71' } },
  },
  'okta-system-log': {
    title: 'Request from suspicious actor',
    severity: 'medium',
    update: ['severity', 'ERROR'],
    updated: 'high',
    other: ['uuid', '3aeede38-4f67-11ea-abd3-1f5d113f0002'],
    evidence: { ...from('203.0.113.80'), ...by('k.ito@example.com'), user: { name: 'VPN' } },
  },
  'sentinelone-threat': {
    title: 'stealer.exe',
    severity: 'high',
    attack: ['T1555.003', 'TA0006'],
    update: ['threatInfo.confidenceLevel', 'suspicious'],
    updated: 'medium',
    other: ['id', '1931000000000000002'],
    evidence: { ...host('WS-0231'), file: { hashes: [{ algorithm_id: 3 }, { algorithm_id: 2 }] } },
  },
  'sentinelone-alert': {
    title: 'Connection to port 4444 (T1571)',
    severity: 'critical',
    attack: ['T1571'],
    update: ['ruleInfo.severity', 'Low'],
    updated: 'low',
    other: ['alertInfo.alertId', '1290568704943940002'],
    evidence: { dst_endpoint: { ip: '198.51.100.9', port: 4444 }, process: { pid: 6120 } },
  },
  'sentinelone-activity': {
    title: 'ssh-root',
    severity: 'high',
    update: ['data.severity', 'E_CRITICAL'],
    updated: 'critical',
    other: ['id', '1931000000000000778'],
    evidence: { ...host('bastion-01'), ...by('root') },
  },
  'cortex-xdr-alert': {
    title: 'Behavioral Threat',
    severity: 'high',
    attack: ['T1059.001', 'TA0002'],
    update: ['severity', 'SEV_030_MEDIUM'],
    updated: 'medium',
    other: ['alert_id', '50023290002'],
    evidence: { ...host('WS-0231'), dst_endpoint: { ip: '198.51.100.77', port: 443 } },
  },
  'cortex-xdr-incident': {
    title: "'Behavioral Threat' along with 2 other alerts",
    severity: 'medium',
    attack: ['T1059', 'TA0002'],
    update: ['severity', 'high'],
    updated: 'high',
    other: ['incident_id', '4712'],
    evidence: by('k.ito'),
  },
  'abnormal-threat': {
    title: 'Your parcel is waiting',
    severity: 'high',
    update: ['messages.0.attackType', 'Spam'],
    updated: 'low',
    other: ['threatId', '184712ab-6d8b-47b3-89d3-a314efef0002'],
    evidence: { ...from('203.0.113.91'), url: { url_string: 'https://login.example.net/parcel' } },
  },
  'carbon-black-alert': {
    title: 'A script host started an unknown program',
    severity: 'high',
    attack: ['T1059.007', 'TA0002'],
    update: ['severity', 3],
    updated: 'low',
    other: ['id', '9728f0c8-7810-fb20-15d0-343031500002'],
    evidence: { device: { hostname: 'WS-0231', ip: '192.0.2.31' } },
  },
  'cybereason-malop': {
    title: 'stealer.exe',
    severity: 'high',
    update: ['simpleValues.malopPriority.values', ['LOW']],
    updated: 'low',
    other: ['guidString', '11.2718072133256530002'],
    evidence: host('ws-0231'),
  },
  'darktrace-model-breach': {
    title: 'Device::Large Number of Model Breaches',
    severity: 'medium',
    attack: ['T1210', 'TA0008'],
    update: ['model.now.category', 'Critical'],
    updated: 'critical',
    other: ['pbid', 1102],
    evidence: { device: { hostname: 'ws-0231', ip: '192.0.2.31' } },
  },
  'fireeye-hx-alert': {
    title: 'Gen.Trojan',
    severity: 'medium',
    update: ['resolution', 'ALERT'],
    other: ['_id', 2072],
    evidence: { actor: { user: { name: 'k.ito', domain: 'EXAMPLE' } }, file: { path: 'C:\\Temp\\a.exe' } },
  },
  'google-scc-finding': {
    title: 'Brute Force: SSH',
    severity: 'high',
    attack: ['T1110', 'TA0006'],
    update: ['finding.severity', 'CRITICAL'],
    updated: 'critical',
    other: ['finding.canonicalName', 'projects/333/sources/222/findings/2'],
    evidence: { ...from('203.0.113.70'), ...by('root'), ...host('bastion-01') },
  },
  'google-threat-detection-log': {
    title: 'c2_beacon',
    severity: 'high',
    update: ['jsonPayload.detectionPriority', 'LOW'],
    updated: 'low',
    other: ['insertId', '1v0000002'],
    evidence: { query: { hostname: 'c2.example.net' } },
  },
  'google-workspace-alert': {
    title: 'Suspicious login',
    severity: 'high',
    update: ['metadata.severity', 'LOW'],
    updated: 'low',
    other: ['alertId', 'gw-0002-4000-8000'],
    evidence: { ...from('203.0.113.33'), ...mail('k.ito@example.com') },
  },
  'google-workspace-activity': {
    title: 'rule_match',
    severity: 'medium',
    update: ['ipAddress', '203.0.113.35'],
    other: ['id.uniqueQualifier', '-8123456789000000002'],
    evidence: mail('k.ito@example.com'),
  },
  'mimecast-impersonation': {
    title: 'Urgent transfer',
    severity: 'medium',
    update: ['action', 'block'],
    other: ['id', 'MTOKEN:another'],
    evidence: { ...from('203.0.113.45'), ...mail('k.ito@example.com') },
  },
  'orca-alert': {
    title: 'SSH with passwords',
    severity: 'high',
    attack: ['T1110', 'TA0006'],
    update: ['state.risk_level', null],
    updated: 'medium',
    other: ['state.alert_id', 'orca-880002'],
    evidence: { device: { hostname: 'bastion-01', ip: '203.0.113.99' } },
  },
  'pagerduty-incident': {
    title: 'A disk fills with ransom notes',
    severity: 'critical',
    update: ['event.data.priority', null],
    updated: 'high',
    other: ['event.data.id', 'PGR0VU3'],
  },
  'proofpoint-tap': {
    title: 'Invoice overdue',
    severity: 'high',
    update: ['threatsInfoMap.0.threatStatus', 'falsepositive'],
    other: ['GUID', 'c26dbea0-80d5-463b-b93c-4e8b70800002'],
    evidence: { ...from('203.0.113.12'), ...mail('k.ito@example.com') },
  },
  'push-security': {
    title: 'PASSWORD_PHISHING',
    severity: 'high',
    // Its events never change: what differs is another one.
    update: ['timestamp', 1_795_529_111],
    other: ['id', 'c478966c-f927-411c-b919-179832d30002'],
    evidence: { ...from('203.0.113.22'), url: { url_string: 'https://login.example.net' } },
  },
  'rapid7-insightidr-alert': {
    title: 'Many log-ins to one asset',
    severity: 'high',
    attack: ['T1110', 'TA0006'],
    update: ['priority', 'CRITICAL'],
    updated: 'critical',
    other: ['rrn', 'rrn:alerts:eu:cf946362:alert:1:0002'],
  },
  'socradar-alarm': {
    title: 'Impersonating Domain',
    severity: 'high',
    update: ['alarm_risk_level', 'INFO'],
    updated: 'informational',
    other: ['alarm_id', 93_001_778],
    evidence: { query: { hostname: 'examp1e.example.net' } },
  },
  sublime: {
    title: 'Credential phishing: fake parcel',
    severity: 'high',
    update: ['data.flagged_rules', [{ name: 'Another rule' }]],
    updated: 'medium',
    other: ['data.message.id', '8b1c0000-0000-4000-8000-000000000002'],
    evidence: mail('k.ito@example.com'),
  },
  'thinkst-canary-incident': {
    title: 'Shared File Opened',
    severity: 'high',
    update: ['description.events_count', '2'],
    other: ['id', 'incident:smbfileopen:94e0:192.0.2.31:1795529112'],
    evidence: { ...from('192.0.2.31'), dst_endpoint: { ip: '192.0.2.200', port: 445 } },
  },
  'thinkst-canary-webhook': {
    title: 'Shared File Opened',
    severity: 'high',
    update: ['Description', 'Canary Disconnected'],
    updated: 'medium',
    other: ['IncidentKey', 'incident:smbfileopen:94e0:192.0.2.31:1795529113'],
    evidence: { ...from('192.0.2.31'), ...host('FS-CANARY') },
  },
  'tracebit-alert': {
    title: 'Canary resource was used',
    severity: 'high',
    update: ['severity', 'Medium'],
    updated: 'medium',
    other: ['alert_id', '62a3b514-50f2-4321-9117-73cab9690002'],
    evidence: { ...from('203.0.113.61'), ...by('deploy') },
  },
  'upwind-detection': {
    title: 'Shell in a container',
    severity: 'critical',
    attack: ['T1059', 'TA0002'],
    update: ['severity', 'INFO'],
    updated: 'informational',
    other: ['id', 'det-0002'],
    evidence: { ...host('payments-7f'), ...by('root') },
  },
  wiz: {
    title: 'Port probe from the internet',
    severity: 'medium',
    attack: ['TA0043', 'T1595'],
    update: ['severity', 'CRITICAL'],
    updated: 'critical',
    other: ['id', '3a65eac1-b8ff-5eb8-8727-5e6cde900002'],
    evidence: { ...from('203.0.113.88'), ...host('web-01') },
  },
};

const names = Object.keys(PRODUCTS);

describe('the mappings', () => {
  it('each have a fixture here, Wazuh aside, which has its own', () => {
    expect(mapped.map(({ name }) => name).sort()).toEqual([...names, 'wazuh'].sort());
    expect(readdirSync(folder).sort()).toEqual(names.map((name) => `${name}.json`).sort());
  });

  it.each(names)('tell %s from every other format', (name) => {
    const recognizing = [...BUILT_IN_FORMATS, ...mapped].filter((format) => format.recognizes(fixture(name)));
    expect(recognizing.map((format) => format.name)).toEqual([name]);
  });

  it.each(Object.entries(PRODUCTS))('read %s', (name, { title, severity, attack = [], evidence }) => {
    const alert = accept(fixture(name));
    expect(alert).toMatchObject({
      format: name,
      finding: {
        severity_id: SEVERITY_IDS[severity],
        finding_info: { title },
      },
    });
    expect(JSON.parse(JSON.stringify(alert.finding)).evidences?.[0] ?? {}).toMatchObject(evidence ?? {});
    expect([...alert.attack].sort()).toEqual([...attack].sort());
    // Each was made at about five past two.
    expect(Math.abs(alert.finding.time - Date.parse('2026-11-24T14:05:11Z'))).toBeLessThan(90_000);
  });

  it.each(Object.entries(PRODUCTS))('know a later version of %s, and another finding', (name, product) => {
    const first = accept(fixture(name));
    const later = accept(changed(fixture(name), ...product.update));
    expect(later.alertId).toBe(first.alertId);
    if (name !== 'push-security') expect(later.digest).not.toBe(first.digest);
    expect(later.finding.severity_id).toBe(SEVERITY_IDS[product.updated ?? product.severity]);
    expect(accept(changed(fixture(name), ...product.other)).alertId).not.toBe(first.alertId);
  });

  it('never give two products one id, whatever their numbers', () => {
    const incident = accept(changed(fixture('cortex-xdr-incident'), 'incident_id', '4711')).alertId;
    const alert = accept(changed(fixture('cortex-xdr-alert'), 'alert_id', '4711')).alertId;
    expect(incident).not.toBe(alert);
  });

  it('know one alert of CrowdStrike, whichever way it comes', () => {
    const { event } = fixture('crowdstrike-event');
    const id = (event as JsonObject).CompositeId ?? '';
    const polled = accept(changed(fixture('crowdstrike-alert'), 'composite_id', id));
    expect(polled.alertId).toBe(accept(fixture('crowdstrike-event')).alertId);
  });

  it('refuse telemetry by its type', () => {
    const process = { fdr_event_type: 'ProcessRollup2', cid: 'c', aid: 'a', event: { CommandLine: 'x' } };
    const evidence = changed(fixture('microsoft-defender-hunting'), 'category', 'AdvancedHunting-AlertEvidence');
    const refused = [process, evidence].map((body) => receptionsOf(body)[0]?.alert);
    expect(refused).toMatchObject([
      { code: 'invalid_field', field: 'fdr_event_type', reason: expect.stringMatching('ProcessRollup2') },
      { code: 'invalid_field', field: 'category', reason: expect.stringMatching('AdvancedHunting-AlertEvidence') },
    ]);
  });
});

/** A reply in which `items` stand at `path`. */
const page = (path: string, items: JsonValue): JsonObject =>
  path.split('.').reduceRight<JsonValue>((inner, key) => ({ [key]: inner, total: 2 }), items) as JsonObject;

const pages = mapped.flatMap((format) => (format.pages ?? []).map((path) => [format.name, path] as const));

describe('a page', () => {
  it.each(pages)('of %s under %s is each of its alerts by itself', (name, path) => {
    // Of what a notification wraps, a reply holds the inside.
    const inside = new Map<string, string>([
      ['microsoft-sentinel-incident', 'object'],
      ['aws-guardduty', 'detail'],
      ['google-scc-finding', 'finding'],
      ['pagerduty-incident', 'event.data'],
    ]);
    const whole = fixture(name);
    const keys = inside.get(name)?.split('.') ?? [];
    const first = keys.reduce<JsonValue>((at, key) => (at as JsonObject)[key] ?? null, whole);
    const second = changed(whole, ...(PRODUCTS[name]?.other ?? ['', '']));
    const other = keys.reduce<JsonValue>((at, key) => (at as JsonObject)[key] ?? null, second);
    const received = receptionsOf(page(path, [first, other])).map(acceptedOf);
    expect(received.map(({ format }) => format)).toEqual([name, name]);
    expect(received.map(({ alertId }) => alertId)).toEqual(
      [accept(first), accept(other)].map(({ alertId }) => alertId),
    );
    expect(received[0]?.original.body).toBe(JSON.stringify(first));
  });

  it('may hold its alerts by their ids', () => {
    const malop = fixture('cybereason-malop');
    const received = receptionsOf(page('data.resultIdToElementDataMap', { a: malop, b: { elementValues: {} } }));
    expect(received.map(({ kind }) => kind)).toEqual(['accepted', 'refused']);
  });

  it('takes no good alert down with a bad one', () => {
    const alert = fixture('cortex-xdr-alert');
    const bad = [[alert], 7, 'string', null, { alert_id: 'x' }, changed(alert, 'detection_timestamp', 'string')];
    const received = receptionsOf(page('reply.alerts', [alert, ...bad, changed(alert, 'alert_id', '2')]));
    expect(received.map(({ kind }) => kind === 'accepted')).toEqual([true, ...bad.map(() => false), true]);
  });

  it('without alerts is none where its format is known, and no alert where it is not', () => {
    expect(receptionsOf(page('reply.alerts', []), 'cortex-xdr-alert')).toEqual([]);
    expect(receptionsOf(page('reply.alerts', []))).toMatchObject([{ alert: { code: 'unknown_format' } }]);
  });

  it('of another shape is one alert that is refused', () => {
    const wrong = { reply: [{ total_count: null, alerts: [] }] };
    expect(receptionsOf(wrong, 'cortex-xdr-alert')).toMatchObject([{ alert: { field: 'alert_id' } }]);
  });

  it('is not seen in an alert that happens to have such a list', () => {
    const finding = {
      class_uid: 2004,
      severity_id: 4,
      time: 1_795_528_800_000,
      metadata: { product: { name: 'Mine' } },
      finding_info: { uid: '1' },
      resources: [fixture('crowdstrike-alert')],
    };
    expect(receptionsOf(finding)).toMatchObject([{ alert: { format: 'ocsf' } }]);
  });

  it('of too many alerts is refused', () => {
    const items = Array.from({ length: 10_001 }, () => 0);
    expect(receptionsOf({ reply: { alerts: items } }, 'cortex-xdr-alert')).toMatchObject([
      { alert: { code: 'invalid_field', field: 'reply.alerts' } },
    ]);
  });
});
