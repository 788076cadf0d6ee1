import { syslogMessage } from './syslog-message';

describe('RFC 5424', () => {
  it('tells all parts of the header and the structured data', () => {
    const text =
      '<165>1 2026-11-24T14:05:11.003Z gw.example.org evntslog 4711 ID47 [ex@32473 iut="3" src="a \\"b\\" \\] \\\\ \\n"][meta] \ufeffAn event';
    expect(syslogMessage(text)).toEqual({
      syslog: {
        facility: 20,
        severity: 5,
        timestamp: '2026-11-24T14:05:11.003Z',
        hostname: 'gw.example.org',
        appName: 'evntslog',
        procId: '4711',
        msgId: 'ID47',
        structuredData: { 'ex@32473': { iut: '3', src: 'a "b" ] \\ \\n' }, meta: {} },
      },
      message: 'An event',
    });
  });

  it('leaves out what says nothing', () => {
    expect(syslogMessage('<34>1 - - - - - - text')).toEqual({ syslog: { facility: 4, severity: 2 }, message: 'text' });
    expect(syslogMessage('<34>1 - - - - - -')).toEqual({ syslog: { facility: 4, severity: 2 }, message: '' });
  });

  it('keeps each value of a parameter that comes again', () => {
    expect(syslogMessage('<34>1 - h a - - [x ip="a" ip="b"]')).toMatchObject({
      syslog: { structuredData: { x: { ip: ['a', 'b'] } } },
      message: '',
    });
  });

  it.each(['[x a="1', '[x a=1] text', '[x a="1" text', '[ x="1"]', '[]'])('takes %s for the message', (rest) => {
    expect(syslogMessage(`<34>1 - h a - - ${rest}`)).toEqual({
      syslog: { facility: 4, severity: 2, hostname: 'h', appName: 'a' },
      message: rest,
    });
  });

  it('takes a key such as __proto__ for a key', () => {
    const { syslog } = syslogMessage('<34>1 - - - - - [__proto__ __proto__="1"]');
    expect(JSON.stringify(syslog)).toContain('"structuredData":{"__proto__":{"__proto__":"1"}}');
  });
});

describe('RFC 3164 and what devices make of it', () => {
  const header = { facility: 4, severity: 2 };
  it.each([
    [
      '<34>Nov 24 14:05:11 bastion su[42]: failed',
      { ...header, timestamp: 'Nov 24 14:05:11', hostname: 'bastion', appName: 'su', procId: '42' },
      'failed',
    ],
    [
      '<34>Nov  4 14:05:11 192.0.2.1 su: failed',
      { ...header, timestamp: 'Nov  4 14:05:11', hostname: '192.0.2.1', appName: 'su' },
      'failed',
    ],
    [
      '<34>Nov 24 14:05:11 2001:db8::1 sshd: failed',
      { ...header, timestamp: 'Nov 24 14:05:11', hostname: '2001:db8::1', appName: 'sshd' },
      'failed',
    ],
    [
      '<34>Nov 24 14:05:11 sshd[7]: failed',
      { ...header, timestamp: 'Nov 24 14:05:11', appName: 'sshd', procId: '7' },
      'failed',
    ],
    [
      '<34>2026-11-24T14:05:11.123456+01:00 web-01 nginx: failed',
      { ...header, timestamp: '2026-11-24T14:05:11.123456+01:00', hostname: 'web-01', appName: 'nginx' },
      'failed',
    ],
    ['<34>sshd[7]: failed', { ...header, appName: 'sshd', procId: '7' }, 'failed'],
    // As rsyslog writes on what came as RFC 5424.
    [
      '<34>2026-11-24T14:05:11+00:00 web-01 sshd[7] failed',
      { ...header, timestamp: '2026-11-24T14:05:11+00:00', hostname: 'web-01', appName: 'sshd', procId: '7' },
      'failed',
    ],
    ['<34>no header: at all', header, 'no header: at all'],
    [
      'Nov 24 14:05:11 bastion su: failed',
      { timestamp: 'Nov 24 14:05:11', hostname: 'bastion', appName: 'su' },
      'failed',
    ],
    ['a text alone', {}, 'a text alone'],
    ['<999>text', {}, '<999>text'],
    ['<34>', header, ''],
    [
      '<34>000123: *Nov 24 14:05:11.123 UTC: %SYS-5-CONFIG_I: Configured',
      { ...header, sequence: '000123', timestamp: '*Nov 24 14:05:11.123 UTC' },
      '%SYS-5-CONFIG_I: Configured',
    ],
    [
      '<34>77: router-1: Nov 24 14:05:11 CET: %LINK-3-UPDOWN: down',
      { ...header, sequence: '77', hostname: 'router-1', timestamp: 'Nov 24 14:05:11 CET' },
      '%LINK-3-UPDOWN: down',
    ],
    [
      '<34>Nov 24 2026 14:05:11 asa-01 : %ASA-4-106023: Deny',
      { ...header, timestamp: 'Nov 24 2026 14:05:11', hostname: 'asa-01' },
      '%ASA-4-106023: Deny',
    ],
    ['<34>%ASA-4-106023: Deny', header, '%ASA-4-106023: Deny'],
    ['<34>:Nov 24 14:05:11 UTC: %ASA-4-1: Deny', header, ':Nov 24 14:05:11 UTC: %ASA-4-1: Deny'],
    [
      '<34>Nov 24 14:05:11 fw CEF:0|a|b|c|d|e|5|src=192.0.2.1',
      { ...header, timestamp: 'Nov 24 14:05:11', hostname: 'fw' },
      'CEF:0|a|b|c|d|e|5|src=192.0.2.1',
    ],
    ['<34>Nov 24 14:05:11 CEF:0|a|b|c|d|e|5|', { ...header, timestamp: 'Nov 24 14:05:11' }, 'CEF:0|a|b|c|d|e|5|'],
    [
      '<34>Nov 24 14:05:11 manager ossec: {"a":1}',
      { ...header, timestamp: 'Nov 24 14:05:11', hostname: 'manager', appName: 'ossec' },
      '{"a":1}',
    ],
  ])('%s', (text, syslog, message) => {
    expect(syslogMessage(text)).toEqual({ syslog, message });
  });

  it('with a NUL is refused by name', () => {
    expect(() => syslogMessage('<34>a\0b')).toThrow(expect.objectContaining({ code: 'invalid_character' }));
  });
});
