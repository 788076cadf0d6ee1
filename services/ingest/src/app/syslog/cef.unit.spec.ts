import { parseCef } from '../../domain/formats/cef';
import { readSyslog } from './read-syslog.fixture';

describe('the Common Event Format', () => {
  it('is read with its escapes, and with spaces in values', () => {
    const line =
      'CEF:0|Exa\\|mple|IDS \\\\ 2|1.0|100|Worm stopped|10|src=192.0.2.1 msg=A b\\=c \\| d\\\\e\\nf request=https://h/?a=b&c=d fname= act=blocked by\tspt=1232 ';
    expect(parseCef(line)).toEqual({
      version: '0',
      deviceVendor: 'Exa|mple',
      deviceProduct: 'IDS \\ 2',
      deviceVersion: '1.0',
      signatureId: '100',
      name: 'Worm stopped',
      severity: '10',
      extension: {
        src: '192.0.2.1',
        msg: 'A b=c | d\\e\nf',
        request: 'https://h/?a=b&c=d',
        fname: '',
        act: 'blocked by',
        spt: '1232',
      },
    });
  });

  it.each([
    ['CEF:0|a|b|c|d|e|5', { severity: '5', extension: {} }],
    ['CEF: 0|a|b|c|d|e|5|x=1', { version: '0', extension: { x: '1' } }],
    ['gw CEF:1|a|b|c|d|e|5|x=1 x=2', { version: '1', extension: { x: ['1', '2'] } }],
    ['CEF:0|a|b|c|d|e|5|ad.a[0]=1 ad.b-c=2', { extension: { 'ad.a[0]': '1', 'ad.b-c': '2' } }],
  ])('%s is one', (line, expected) => {
    expect(parseCef(line)).toMatchObject(expected);
  });

  it.each(['CEF:0|a|b', 'XCEF:0|a|b|c|d|e|5|', 'CEF:x|a|b|c|d|e|5|', ''])('%s is none', (line) => {
    expect(parseCef(line)).toBeUndefined();
  });

  it('becomes a finding with what enrichment looks for', () => {
    const { format, alert } = readSyslog(
      '<134>Nov 24 14:05:11 collector CEF:0|Example|Sensor|2.1|4711|Credential dumping|8|rt=1795528800123 src=203.0.113.66 spt=4444 dst=192.0.2.30 dpt=445 dhost=fs-01 dvchost=sensor-01 suser=j.doe duser=administrator sproc=lsass.exe fname=m.exe filePath=C:\\\\tmp\\\\m.exe fileHash=44D88612FEA8A8F36DE82E1278ABB02F request=http://bad.example/x act=blocked proto=TCP cat=Malware externalId=99 msg=Read of lsass cs1Label=MITRE Technique cs1=T1003.001 cs2Label=Tactic cs2=Credential Access cs3Label=Console link cs3=https://sensor.example/99 cs4Label=SHA256 cs4=2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824',
    );
    expect(format).toBe('cef');
    expect(alert.attack).toEqual(['T1003.001', 'TA0006']);
    expect(alert.finding).toMatchObject({
      time: 1795528800123,
      severity_id: 4,
      metadata: { product: { name: 'Sensor', vendor_name: 'Example', version: '2.1' } },
      finding_info: {
        uid: '99',
        title: 'Credential dumping',
        desc: 'Read of lsass',
        src_url: 'https://sensor.example/99',
        analytic: { uid: '4711', name: 'Credential dumping' },
        types: ['Malware'],
      },
      disposition: 'blocked',
      unmapped: { labelled: { 'MITRE Technique': 'T1003.001' } },
    });
    expect(alert.finding).toHaveProperty('evidences', [
      {
        src_endpoint: { ip: '203.0.113.66', port: 4444 },
        dst_endpoint: { ip: '192.0.2.30', port: 445, hostname: 'fs-01' },
        device: { hostname: 'sensor-01' },
        actor: { user: { name: 'j.doe' } },
        user: { name: 'administrator' },
        process: { name: 'lsass.exe', file: { name: 'lsass.exe' } },
        file: {
          name: 'm.exe',
          path: 'C:\\tmp\\m.exe',
          hashes: [
            { algorithm_id: 1, algorithm: 'MD5', value: '44d88612fea8a8f36de82e1278abb02f' },
            {
              algorithm_id: 3,
              algorithm: 'SHA-256',
              value: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
            },
          ],
        },
        url: { url_string: 'http://bad.example/x' },
        connection_info: { protocol_name: 'tcp' },
      },
    ]);
  });

  it.each([
    ['0', 2],
    ['3', 2],
    ['4', 3],
    ['6', 3],
    ['7', 4],
    ['8', 4],
    ['9', 5],
    ['10', 5],
    ['Very-High', 5],
    ['High', 4],
    ['low', 2],
    ['Unknown', 0],
    ['11', 0],
    ['', 0],
  ])('has severity %s as %d', (severity, expected) => {
    const { alert } = readSyslog(`<134>Nov 24 14:05:11 h CEF:0|a|b|c|d|e|${severity}|`);
    expect(alert.finding.severity_id).toBe(expected);
  });

  it('has the time of the message where it brings none, or one that cannot be read', () => {
    const { alert } = readSyslog('<134>Nov 24 14:05:11 h CEF:0|a|b|c|d|e|5|rt=soon');
    expect(alert.finding.time).toBe(Date.parse('2026-11-24T14:05:11Z'));
  });

  it('is told by its externalId, for one device, else by all that it says', () => {
    const id = (line: string) => readSyslog(line).alert.alertId;
    const event = (extension: string, vendor = 'Example', time = '14:05:11') =>
      `<134>Nov 24 ${time} h CEF:0|${vendor}|b|c|d|e|5|${extension}`;
    expect(id(event('externalId=1 dvchost=x'))).toBe(id(event('externalId=1 dvchost=x act=closed')));
    expect(id(event('externalId=1 dvchost=x'))).not.toBe(id(event('externalId=1 dvchost=y')));
    expect(id(event('externalId=1'))).not.toBe(id(event('externalId=2')));
    expect(id(event('src=192.0.2.1'))).toBe(id(event('src=192.0.2.1')));
    expect(id(event('src=192.0.2.1'))).not.toBe(id(event('src=192.0.2.1', 'Example', '14:05:12')));
    // The id of a session, which many findings have.
    expect(id(event('externalId=1 act=a', 'Fortinet'))).not.toBe(id(event('externalId=1 act=b', 'Fortinet')));
  });
});
