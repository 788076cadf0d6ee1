import { readSyslog, receiveSyslog } from './read-syslog.fixture';

describe('a syslog message', () => {
  it('that holds no alert of a product becomes a finding all the same', () => {
    const { format, alert } = readSyslog(
      '<84>1 2026-11-24T14:05:11Z bastion-01 sshd 4711 AUTH [origin ip="192.0.2.7"][t@1 mitre="T1110"] Failed password for root\nsecond line',
    );
    expect(format).toBe('syslog');
    expect(alert).toMatchObject({ attack: ['T1110'], original: { encoding: 'utf-8' } });
    expect(alert.original.body).toContain('second line');
    expect(alert.finding).toMatchObject({
      time: Date.parse('2026-11-24T14:05:11Z'),
      severity_id: 3,
      metadata: { product: { name: 'sshd', vendor_name: 'Syslog' } },
      finding_info: {
        title: 'Failed password for root',
        desc: 'Failed password for root\nsecond line',
        analytic: { uid: 'AUTH' },
        types: ['authpriv'],
      },
      evidences: [{ device: { hostname: 'bastion-01' }, process: { name: 'sshd', pid: 4711 } }],
      unmapped: { origin: { ip: '192.0.2.7' } },
    });
  });

  it.each([
    ['<0>x', 6],
    ['<1>x', 5],
    ['<2>x', 5],
    ['<3>x', 4],
    ['<4>x', 3],
    ['<5>x', 1],
    ['<7>x', 1],
    ['x', 0],
  ])('%s has severity %d', (line, expected) => {
    expect(readSyslog(line).alert.finding.severity_id).toBe(expected);
  });

  it('of a Cisco device is named by its text, and its rule by the mnemonic', () => {
    const { alert } = readSyslog(
      '<164>Nov 24 2026 14:05:11 asa-01 : %ASA-4-106023: Deny tcp src outside:203.0.113.66/4444',
    );
    expect(alert.finding).toMatchObject({
      metadata: { product: { name: 'ASA' } },
      finding_info: { title: 'Deny tcp src outside:203.0.113.66/4444', analytic: { uid: 'ASA-4-106023' } },
      evidences: [{ device: { hostname: 'asa-01' } }],
    });
  });

  it('is the same alert when it comes again, and another one when it says anything else', () => {
    const id = (line: string) => readSyslog(line).alert.alertId;
    expect(id('<34>Nov 24 14:05:11 h su: a')).toBe(id('<34>Nov 24 14:05:11 h su: a'));
    expect(id('<34>Nov 24 14:05:11 h su: a')).not.toBe(id('<34>Nov 24 14:05:12 h su: a'));
    expect(id('<34>Nov 24 14:05:11 h su: a')).not.toBe(id('<35>Nov 24 14:05:11 h su: a'));
  });

  const wazuh = {
    id: '1795528800.1',
    timestamp: '2026-11-24T14:05:11.000+0000',
    rule: { level: 10, description: 'Password guessing', id: '5712' },
    agent: { name: 'ws-04', ip: '192.0.2.4' },
    manager: { name: 'wazuh-01' },
  };

  it.each([
    `<132>Nov 24 14:05:11 manager wazuh-alerts: ${JSON.stringify(wazuh)}`,
    `<132>1 2026-11-24T14:05:11Z manager wazuh-alerts - - - ${JSON.stringify(wazuh)}`,
    `<132>Nov 24 14:05:11 manager wazuh-alerts: @cee: ${JSON.stringify(wazuh)}`,
  ])('that is an alert in JSON is read by the mapping of its product: %.60s', (line) => {
    const { format, alert } = readSyslog(line);
    expect(format).toBe('wazuh');
    expect(alert.finding.finding_info.title).toBe('Password guessing');
    // The same as by any other way in.
    expect(alert.digest).toBe(readSyslog(`<132>${JSON.stringify(wazuh)}`).alert.digest);
  });

  it('with JSON of an application is named by what that says', () => {
    const { format, alert } = readSyslog('<132>app: {"level":"warn","msg":"Too many log-ins"}');
    expect(format).toBe('syslog');
    expect(alert.finding.finding_info.title).toBe('Too many log-ins');
  });

  it('that is not UTF-8 is read as ISO 8859-1, and kept byte for byte', () => {
    const bytes = Buffer.from('<132>app: Zugriff f\xfcr M\xfcller', 'latin1');
    const { alert } = readSyslog(bytes);
    expect(alert.finding.finding_info.title).toBe('Zugriff für Müller');
    expect(alert.original).toEqual({ encoding: 'base64', body: bytes.toString('base64'), size: bytes.length });
  });

  it('that is too large or holds a NUL is refused by name', () => {
    const size = 9 * 1024 * 1024;
    expect(receiveSyslog({ bytes: Buffer.from('<34>beginning'), size })).toMatchObject({
      kind: 'refused',
      alert: { code: 'alert_too_large', original: { body: '<34>beginning', size, truncated: true } },
    });
    expect(receiveSyslog(Buffer.from('<34>a\0b'))).toMatchObject({
      kind: 'refused',
      alert: { code: 'invalid_character', original: { encoding: 'base64' } },
    });
  });

  it('of more than 256 KiB is kept aside, whole', () => {
    const bytes = Buffer.from(`<34>app: ${'x'.repeat(300 * 1024)}`);
    const { alert, aside } = readSyslog(bytes);
    expect(aside).toEqual(bytes);
    expect(alert.original).toMatchObject({ size: bytes.length, truncated: true });
  });
});
