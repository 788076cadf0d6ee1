import { parseLeef } from '../../domain/formats/leef';
import { readSyslog } from './read-syslog.fixture';

describe('the Log Event Extended Format', () => {
  it.each([
    ['LEEF:1.0|V|P|1|Deny|src=192.0.2.1\tmsg=a b=c \\= d\tsev=5', 'src=192.0.2.1', 'a b=c \\= d'],
    ['LEEF:2.0|V|P|1|Deny|^|src=192.0.2.1^msg=a b=c^sev=5', 'src=192.0.2.1', 'a b=c'],
    ['LEEF:2.0|V|P|1|Deny|x5E|src=192.0.2.1^msg=a b^sev=5', 'src=192.0.2.1', 'a b'],
    ['LEEF:2.0|V|P|1|Deny|0x7c|src=192.0.2.1|msg=a b|sev=5', 'src=192.0.2.1', 'a b'],
    ['LEEF:2.0|V|P|1|Deny|0x0009|src=192.0.2.1\tmsg=a b\tsev=5', 'src=192.0.2.1', 'a b'],
    ['LEEF:2.0|V|P|1|Deny||src=192.0.2.1\tmsg=a b\tsev=5', 'src=192.0.2.1', 'a b'],
    ['LEEF:2.0|V|P|1|Deny|src=192.0.2.1\tmsg=a b\tsev=5', 'src=192.0.2.1', 'a b'],
    ['LEEF:1.0|V|P|1|Deny|src=192.0.2.1#011msg=a b#011sev=5', 'src=192.0.2.1', 'a b'],
  ])('%s', (line, _, msg) => {
    expect(parseLeef(line)).toMatchObject({
      vendor: 'V',
      product: 'P',
      productVersion: '1',
      eventId: 'Deny',
      attributes: { src: '192.0.2.1', msg, sev: '5' },
    });
  });

  it.each(['LEEF:1.0|V|P', 'LEEF:3.0|V|P|1|E|', 'leef:1.0|V|P|1|E|', ''])('%s is none', (line) => {
    expect(parseLeef(line)).toBeUndefined();
  });

  it('never cuts a character in halves', () => {
    expect(JSON.stringify(parseLeef('LEEF:2.0|V|P|1|E|xD83D|a=\u{1f600}\tb=1'))).toContain('\u{1f600}');
  });

  it('becomes a finding with what enrichment looks for', () => {
    const { format, alert } = readSyslog(
      '<13>1 2026-11-24T14:05:11Z collector app - - - LEEF:2.0|Example|Proxy|7|malware-block|^|devTime=Nov 24 2026 14:00:00.500 CET^devTimeFormat=MMM dd yyyy HH:mm:ss.SSS z^sev=9^cat=Malware^src=192.0.2.4^srcPort=50000^dst=203.0.113.9^dstPort=443^usrName=j.doe^domain=CORP^url=https://bad.example/a.bin^identHostName=ws-04^sha256=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824^fileName=a.bin^proto=6^action=blocked^mitreTechnique=T1566.001^msg=Download stopped',
    );
    expect(format).toBe('leef');
    expect(alert.attack).toEqual(['T1566.001']);
    expect(alert.finding).toMatchObject({
      time: Date.parse('2026-11-24T13:00:00.500Z'),
      severity_id: 5,
      metadata: { product: { name: 'Proxy', vendor_name: 'Example', version: '7' } },
      finding_info: { title: 'Download stopped', types: ['Malware'], analytic: { uid: 'malware-block' } },
      disposition: 'blocked',
      evidences: [
        {
          src_endpoint: { ip: '192.0.2.4', port: 50000 },
          dst_endpoint: { ip: '203.0.113.9', port: 443 },
          device: { hostname: 'ws-04' },
          actor: { user: { name: 'j.doe', domain: 'CORP' } },
          file: { name: 'a.bin', hashes: [{ algorithm: 'SHA-256' }] },
          url: { url_string: 'https://bad.example/a.bin' },
          connection_info: { protocol_name: 'tcp' },
        },
      ],
    });
  });

  it('is named by its category and event where it says nothing in words', () => {
    expect(readSyslog('LEEF:1.0|V|P|1|4625|cat=auth').alert.finding.finding_info.title).toBe('auth 4625');
  });
});
