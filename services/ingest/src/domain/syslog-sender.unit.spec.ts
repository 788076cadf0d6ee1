import { isOpenToOthers, senderOf, type SenderCertificate, type SyslogSender } from './syslog-sender';

const sender = (source: string, parts: Partial<SyslogSender>): SyslogSender => ({
  ...{ source, tenant: 'default', networks: undefined, certificates: undefined },
  ...parts,
});
const certificate = (...names: string[]): SenderCertificate => ({ isNamed: (name) => names.includes(name) });

describe('who sends', () => {
  const senders = [
    sender('edge', { networks: ['192.0.2.0/25', '198.51.100.7'] }),
    sender('v6', { networks: ['2001:db8::/32'] }),
    sender('relay', { certificates: ['relay.example.org'], networks: ['203.0.113.0/24'] }),
    sender('agent', { certificates: ['agent.example.org', 'other.example.org'] }),
  ];
  const who = (address: string, ...names: string[]) =>
    senderOf(senders, address, names.length > 0 ? certificate(...names) : undefined)?.source;

  it('is told by address and certificate, and nobody is taken for somebody else', () => {
    expect(who('192.0.2.1')).toBe('edge');
    expect(who('::ffff:192.0.2.1')).toBe('edge');
    expect(who('198.51.100.7')).toBe('edge');
    expect(who('198.51.100.8')).toBeUndefined();
    expect(who('192.0.2.200')).toBeUndefined();
    expect(who('2001:db8::1')).toBe('v6');
    expect(who('203.0.113.1', 'relay.example.org')).toBe('relay');
    expect(who('203.0.113.1', 'agent.example.org')).toBe('agent');
    expect(who('203.0.113.1')).toBeUndefined();
    expect(who('10.0.0.1', 'relay.example.org')).toBeUndefined();
    expect(who('10.0.0.1', 'other.example.org')).toBe('agent');
    expect(who('')).toBeUndefined();
  });

  it('is anybody where neither is named', () => {
    expect(senderOf([sender('any', {})], '10.0.0.1', undefined)?.source).toBe('any');
  });

  it.each([
    ['127.0.0.1', false],
    ['::1', false],
    ['localhost', false],
    ['0.0.0.0', true],
    ['::', true],
    ['192.0.2.1', true],
    ['syslog.example.org', true],
  ])('reaches a socket on %s from outside: %s', (host, expected) => {
    expect(isOpenToOthers(host)).toBe(expected);
  });
});
