import { AlertEnriched, type AlertReceived } from '#contracts/alert';
import { findFieldErrors } from '#libs/service';
import type { JsonObject } from '#libs/kernel';
import { enrichAlert } from './enrich-alert';
import { verdictList } from './verdict-list';
import { warninglist } from './warninglist';

function alertOf(evidence: JsonObject, original: JsonObject | string): AlertReceived {
  const body = typeof original === 'string' ? original : JSON.stringify(original);
  return {
    receiptId: '0192f3c0-1111-7000-8000-000000000001',
    sourceId: '0192f3c0-2222-5000-8000-000000000001',
    source: 'siem',
    receivedAt: '2026-11-24T14:00:00.000Z',
    original: { encoding: 'utf-8', body, size: body.length },
    alertId: '0192f3c0-3333-5000-8000-000000000001',
    format: 'splunk-notable',
    digest: 'a'.repeat(64),
    attack: ['T1110'],
    finding: {
      activity_id: 1,
      category_uid: 2,
      class_uid: 2004,
      type_uid: 200401,
      time: 1_795_528_800_000,
      severity_id: 4,
      metadata: { version: '1.8.0', product: { name: 'Splunk' } },
      finding_info: { uid: 'u' },
      ...{ evidences: [evidence] },
    },
  };
}

const csv = verdictList('known-bad.csv', [
  { line: 2, row: { indicator: '203.0.113.66', verdict: 'malicious', score: '95', comment: 'guessing' } },
  { line: 3, row: { indicator: '198.51.100.0/24', verdict: 'suspicious' } },
  { line: 4, row: { indicator: '*.evil.example[.]org', verdict: 'malicious' } },
  { line: 5, row: { indicator: 'J.Doe', verdict: 'suspicious', score: '10' } },
]);
const own = warninglist('private/list.json', {
  name: 'private',
  type: 'cidr',
  matching_attributes: ['ip-src'],
  list: ['10.0.0.0/8', '203.0.113.0/24'],
});

function enriched(evidence: JsonObject, original: JsonObject | string = {}) {
  const alert = enrichAlert(alertOf(evidence, original), [own, csv]);
  expect(findFieldErrors(AlertEnriched, alert)).toEqual([]);
  return alert;
}

describe('an enriched alert', () => {
  it('names what the finding has in its fields, and where', () => {
    const { observables } = enriched({
      src_endpoint: { ip: '203.0.113.66', hostname: 'attacker.example.net' },
      dst_endpoint: { ip: '2001:0DB8::1', domain: 'vpn.example.com' },
      device: { hostname: 'WS-0231' },
      actor: { user: { name: 'EXAMPLE\\j.doe', email_addr: 'J.Doe@example.com' } },
      url: { url_string: 'hxxp://a.evil.example[.]org/x' },
      file: { hashes: [{ value: 'D41D8CD98F00B204E9800998ECF8427E' }] },
    });
    expect(observables.map(({ type, value, name }) => [type, value, name])).toEqual([
      ['ip', '203.0.113.66', 'evidences[0].src_endpoint.ip'],
      ['hostname', 'attacker.example.net', 'evidences[0].src_endpoint.hostname'],
      ['ip', '2001:db8::1', 'evidences[0].dst_endpoint.ip'],
      ['domain', 'vpn.example.com', 'evidences[0].dst_endpoint.domain'],
      ['hostname', 'ws-0231', 'evidences[0].device.hostname'],
      ['username', 'j.doe', 'evidences[0].actor.user.name'],
      ['email', 'j.doe@example.com', 'evidences[0].actor.user.email_addr'],
      ['url', 'http://a.evil.example.org/x', 'evidences[0].url.url_string'],
      ['domain', 'a.evil.example.org', 'evidences[0].url.url_string'],
      ['hash', 'd41d8cd98f00b204e9800998ecf8427e', 'evidences[0].file.hashes[0].value'],
    ]);
  });

  it('has the worst verdict of its observables, and a warning list takes none back', () => {
    const { verdict, score, observables, attack } = enriched(
      { src_endpoint: { ip: '203.0.113.66' }, dst_endpoint: { ip: '10.1.2.3' }, actor: { user: { name: 'j.doe' } } },
      { note: 'also 198.51.100.7 and www.example.com' },
    );
    expect({ verdict, score, attack }).toEqual({ verdict: 'malicious', score: 95, attack: ['T1110'] });
    expect(observables.map(({ value, verdict, score, lists }) => [value, verdict, score, lists])).toEqual([
      ['203.0.113.66', 'malicious', 95, ['private/list.json', 'known-bad.csv']],
      ['10.1.2.3', 'benign', 0, ['private/list.json']],
      ['j.doe', 'suspicious', 10, ['known-bad.csv']],
      ['198.51.100.7', 'suspicious', 50, ['known-bad.csv']],
      ['www.example.com', 'unknown', 0, []],
    ]);
  });

  it('finds in the original what the finding does not have, once, without the noise of the product', () => {
    const { observables } = enriched(
      { src_endpoint: { ip: '192.0.2.1' } },
      {
        _raw: 'deny 192.0.2.1 -> 198.51.100.20 by fw1.example.com',
        agent: { version: '8.12.0.1' },
        'host.os.version': '10.0.0.1',
        user_agent: 'x 9.9.9.9',
        results_link: 'https://splunk.example.com/a',
        'kibana.alert.rule.references': ['https://attack.example.org/T1110'],
        list: [{ deep: ['see hxxp://b[.]example[.]net/'] }],
      },
    );
    expect(observables.map(({ value, name }) => [value, name])).toEqual([
      ['192.0.2.1', 'evidences[0].src_endpoint.ip'],
      ['198.51.100.20', 'original._raw'],
      ['fw1.example.com', 'original._raw'],
      ['http://b.example.net/', 'original.list[0].deep[0]'],
      ['b.example.net', 'original.list[0].deep[0]'],
    ]);
  });

  it('takes an account for no domain, and an id for no hash', () => {
    const { observables } = enriched(
      { actor: { user: { name: 's.weber' } } },
      { user: 'p.weber', text: 's.weber signed in', 'kibana.alert.uuid': 'a'.repeat(31) + 'b' },
    );
    expect(observables.map(({ type, value }) => [type, value])).toEqual([['username', 's.weber']]);
  });

  it('is bounded in what it carries and in what it looks at', () => {
    const addresses = Array.from({ length: 2_000 }, (_, index) => `198.18.${index >> 8}.${index & 255}`).join(' ');
    expect(enriched({}, { addresses }).observables).toHaveLength(500);
    const long = Array.from({ length: 400 }, (_, index) => `http://h${index}.example.com/${'p'.repeat(1_900)}`);
    const { observables } = enriched({}, { long });
    expect(JSON.stringify(observables).length).toBeLessThan(150_000);
    const started = performance.now();
    enriched({}, { text: 'a.a.'.repeat(64_000) });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('comes without observables of an original that is no JSON', () => {
    expect(enriched({}, 'no json 192.0.2.1')).toMatchObject({ observables: [], verdict: 'unknown', score: 0 });
  });
});

it('reads the summary of an original that is kept aside, and of no other that is cut off', () => {
  const alert = alertOf({}, { note: 'from 203.0.113.66' });
  const valuesOf = (original: AlertReceived['original']) =>
    enrichAlert({ ...alert, original }, [csv]).observables.map(({ value }) => value);
  const cut = { ...alert.original, size: 1_000_000, truncated: true };
  expect(valuesOf({ ...cut, digest: 'b'.repeat(64) })).toEqual(['203.0.113.66']);
  expect(valuesOf(cut)).toEqual([]);
});
