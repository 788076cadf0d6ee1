import { indicatorsIn } from './text-indicators';

const values = (text: string) => indicatorsIn(text).map(({ type, value }) => `${type} ${value}`);

describe('a text', () => {
  it.each([
    ['Failed password for root from 203.0.113.9 port 50122 ssh2', ['ip 203.0.113.9']],
    ['src=203.0.113.9 dest="2001:DB8:0::9"', ['ip 203.0.113.9', 'ip 2001:db8::9']],
    [
      'outside:198.51.100.7/443 and 198.51.100.8:8080, [2001:db8::1]:443',
      ['ip 198.51.100.7', 'ip 198.51.100.8', 'ip 2001:db8::1'],
    ],
    ['mapped ::ffff:198.51.100.7', ['ip 198.51.100.7']],
    [
      'see hxxps://evil[.]example[.]com/a?b=1, or hXXp[:]//198.51.100[.]9/x.',
      ['url https://evil.example.com/a?b=1', 'domain evil.example.com', 'url http://198.51.100.9/x', 'ip 198.51.100.9'],
    ],
    ['mail bob(at)example(dot)com or eve [at] example [dot] org', ['email bob@example.com', 'email eve@example.org']],
    ['Ada@Example.COM; mailto:ops@example.net', ['email ada@example.com', 'email ops@example.net']],
    [
      'SHA256=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855 md5:d41d8cd98f00b204e9800998ecf8427e',
      [
        'hash e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
        'hash d41d8cd98f00b204e9800998ecf8427e',
      ],
    ],
    [
      'query cdn-7.example.net. and www.b\u00fccher.de/katalog',
      ['domain cdn-7.example.net', 'domain www.xn--bcher-kva.de'],
    ],
    ['(see www.example.com).', ['domain www.example.com']],
    ['version 192.0.2.4 of 192.0.2.4, 192.0.2.4', ['ip 192.0.2.4']],
  ])('%s', (text, expected) => {
    expect(values(text).sort()).toEqual([...expected].sort());
  });

  it.each([
    'version 8.11.0.1, v 1.2.3.4, v1.2.3.4 and 10.0.19045',
    'Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36',
    'OID 1.3.6.1.4.1.311.2, 256.1.1.1, 01.02.03.04',
    'powershell.exe runs stage.ps1, run.sh and C:\\Temp\\a.evil.com\\x.zip',
    'New-Object System.Net.WebClient of System.Net',
    '/usr/lib/python3.so/a.com ~/b.com',
    'at 12:34:56, 00:1A:2B:3C:4D:5E, std::dead, tag::action',
    'login failed . Next try',
    '127.0.0.1 0.0.0.0 ::1 255.255.255.255 224.0.0.1',
    '10.0.0.0/8',
    '00000000000000000000000000000000',
    'a@b, @home, example@localhost',
  ])('without observables: %s', (text) => {
    expect(values(text)).toEqual([]);
  });

  it.each(['a.', 'a-', '1:', 'a@', 'http://', 'a.com/', '[.]', ' [', '::', 'hxxp', '\\', '@a.b', '=', '1.'])(
    'that repeats %s takes no longer for it',
    (part) => {
      const text = part.repeat(Math.ceil(300_000 / part.length));
      const started = performance.now();
      indicatorsIn(text);
      expect(performance.now() - started).toBeLessThan(10_000);
    },
  );
});
