import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openListeners, parseSyslogListeners, readSyslogListeners } from './syslog-file';

const folder = mkdtempSync(join(tmpdir(), 'countersign-syslog-'));
afterAll(() => rmSync(folder, { recursive: true }));
for (const name of ['key', 'certificate', 'ca']) writeFileSync(join(folder, name), name);

const parse = (text: string) => parseSyslogListeners(text, join(folder, 'syslog.yaml'));
const one = (text: string) => parse(`listeners: [{ name: a, ${text} }]`);
const TLS = 'tls: { key: key, certificate: certificate, ca: ca }';

describe('the file of syslog listeners', () => {
  it('says where to listen, and who may send', () => {
    expect(
      parse(`listeners:
        - { name: edge, protocol: udp, host: 0.0.0.0, port: 514, senders: [{ source: fw, networks: [192.0.2.0/24, '2001:db8::1'] }] }
        - { name: relays, protocol: tls, port: 6514, idleSeconds: 60, maxConnections: 5, ${TLS},
            senders: [{ source: relay, tenant: acme, certificates: [relay.example.org] }] }`),
    ).toEqual([
      {
        ...{ name: 'edge', protocol: 'udp', host: '0.0.0.0', port: 514, tls: undefined },
        senders: [
          { source: 'fw', tenant: 'default', networks: ['192.0.2.0/24', '2001:db8::1'], certificates: undefined },
        ],
        ...{ maxConnections: 500, idleSeconds: 86_400 },
      },
      {
        ...{ name: 'relays', protocol: 'tls', host: '127.0.0.1', port: 6514 },
        tls: { key: Buffer.from('key'), certificate: Buffer.from('certificate'), ca: Buffer.from('ca') },
        senders: [{ source: 'relay', tenant: 'acme', networks: undefined, certificates: ['relay.example.org'] }],
        ...{ maxConnections: 5, idleSeconds: 60 },
      },
    ]);
    expect(readSyslogListeners(undefined)).toEqual([]);
  });

  it.each([
    ['protocol: sctp, port: 1, senders: [{ source: a }]', /listeners\[0\]\.protocol/],
    ['protocol: udp, port: 0, senders: [{ source: a }]', /listeners\[0\]\.port/],
    ['protocol: udp, port: 1, senders: []', /listeners\[0\]\.senders/],
    ['protocol: udp, port: 1, senders: [{ source: a, networks: [192.0.2.0/33] }]', /senders\[0\]\.networks/],
    ['protocol: udp, port: 1, senders: [{ source: a, networks: [here] }]', /senders\[0\]\.networks/],
    ['protocol: tcp, port: 1, senders: [{ source: a, certificates: [x] }]', /certificates needs tls\.ca/],
    ['protocol: tls, port: 1, senders: [{ source: a }]', /needs tls/],
    [`protocol: tcp, port: 1, ${TLS}, senders: [{ source: a }]`, /tls is for the protocol tls alone/],
    [
      'protocol: tls, port: 1, tls: { key: none, certificate: certificate }, senders: [{ source: a }]',
      /none cannot be read/,
    ],
    ['protocol: udp, port: 1, senders: [{ source: a }], token: x', /listeners\[0\]\.token/],
  ])('%s is refused', (text, reason) => {
    expect(() => one(text)).toThrow(
      expect.objectContaining({ code: 'invalid_configuration', reason: expect.stringMatching(reason) }),
    );
  });

  it('with two listeners of one name is refused, and so is one that is not there', () => {
    const entry = '{ name: a, protocol: udp, port: 1, senders: [{ source: a }] }';
    expect(() => parse(`listeners: [${entry}, ${entry}]`)).toThrow(/two listeners of the name a/);
    expect(() => readSyslogListeners(join(folder, 'none.yaml'))).toThrow(/cannot be read/);
  });

  it.each([
    ['protocol: udp, host: 0.0.0.0, port: 1, senders: [{ source: a }]', 1],
    ['protocol: tcp, host: "::", port: 1, senders: [{ source: b, networks: [192.0.2.1] }, { source: a }]', 1],
    [`protocol: tls, host: 0.0.0.0, port: 1, ${TLS}, senders: [{ source: a }]`, 1],
    ['protocol: udp, host: 0.0.0.0, port: 1, senders: [{ source: a, networks: [192.0.2.0/24] }]', 0],
    [`protocol: tls, host: 0.0.0.0, port: 1, ${TLS}, senders: [{ source: a, certificates: [x] }]`, 0],
    ['protocol: udp, port: 1, senders: [{ source: a }]', 0],
  ])('%s: the production profile refuses %d', (text, count) => {
    expect(openListeners(one(text))).toHaveLength(count);
  });
});
