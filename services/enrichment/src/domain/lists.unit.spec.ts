import { indicatorOf, type Indicator } from './indicator';
import { judge } from './local-list';
import { verdictList } from './verdict-list';
import { warninglist, type WarninglistFile } from './warninglist';

const indicator = (value: string): Indicator => indicatorOf(value) ?? { type: 'hostname', value };
const entryOf = (file: Omit<WarninglistFile, 'name'>, value: string) =>
  warninglist('w', { name: 'w', ...file }).match(indicator(value))?.entry;

describe('a warning list', () => {
  it('of strings matches the whole value, whatever its case', () => {
    const file = { type: 'string' as const, list: ['Example.COM'] };
    expect(entryOf(file, 'example.com')).toBe('Example.COM');
    expect(entryOf(file, 'www.example.com')).toBeUndefined();
  });

  it('of hostnames matches a name, those below it, and the host of a URL', () => {
    const file = {
      type: 'hostname' as const,
      list: ['.example.com'],
      matching_attributes: ['domain', 'hostname', 'url'],
    };
    for (const value of ['example.com', 'a.b.example.com', 'https://a.example.com/x']) {
      expect(entryOf(file, value)).toBe('.example.com');
    }
    for (const value of ['badexample.com', 'example.com.evil.org', '192.0.2.1']) {
      expect(entryOf(file, value)).toBeUndefined();
    }
  });

  it('of ranges matches addresses of both families, the narrowest range first', () => {
    const file = {
      type: 'cidr' as const,
      list: ['10.0.0.0/8', '10.1.0.0/16', '192.0.2.7', '2001:db8::/33', '0.0.0.0/1'],
    };
    expect(entryOf(file, '10.1.2.3')).toBe('10.1.0.0/16');
    expect(entryOf(file, '10.2.2.3')).toBe('10.0.0.0/8');
    expect(entryOf(file, '::ffff:192.0.2.7')).toBe('192.0.2.7');
    expect(entryOf(file, '2001:db8:7fff::1')).toBe('2001:db8::/33');
    expect(entryOf(file, '2001:db8:8000::1')).toBeUndefined();
    expect(entryOf(file, '198.51.100.1')).toBeUndefined();
  });

  it('of substrings matches within', () => {
    const file = { type: 'substring' as const, list: ['@trash.example'], matching_attributes: ['email-src'] };
    expect(entryOf(file, 'a@trash.example.com')).toBe('@trash.example');
    expect(entryOf(file, 'trash.example.com')).toBeUndefined();
  });

  it('of expressions takes linear time and refuses what RE2 refuses', () => {
    const file = { type: 'regex' as const, list: ['^(a+)+$', '/^ws-\\d+$/i'] };
    expect(entryOf(file, 'WS-17')).toBe('/^ws-\\d+$/i');
    const started = performance.now();
    expect(entryOf(file, `${'a'.repeat(250)}!`)).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(() => warninglist('w', { name: 'w', type: 'regex', list: ['ok', '(?=a)b'] })).toThrow(
      expect.objectContaining({ field: 'list[1]' }),
    );
  });

  it('keeps to the attributes that it is for', () => {
    const file = { type: 'string' as const, list: ['192.0.2.1', 'example.com'], matching_attributes: ['ip-dst|port'] };
    expect(entryOf(file, '192.0.2.1')).toBe('192.0.2.1');
    expect(entryOf(file, 'example.com')).toBeUndefined();
  });

  it('names the entry that is no range', () => {
    expect(() => warninglist('w', { name: 'w', type: 'cidr', list: ['10.0.0.0/8', '10.0.0/33'] })).toThrow(
      expect.objectContaining({ field: 'list[1]' }),
    );
  });
});

describe('a list of verdicts', () => {
  const row = (indicator: string, verdict: string, score = '') => ({ line: 2, row: { indicator, verdict, score } });

  it('has a score of its own for each verdict, and the higher row of two', () => {
    const list = verdictList('v', [
      row('192.0.2.1', 'suspicious'),
      row('192.0.2.1', 'Malicious'),
      row('192.0.2.1', 'benign'),
    ]);
    expect(list.match(indicator('192.0.2.1'))).toMatchObject({ verdict: 'malicious', score: 90 });
  });

  it('takes URLs, hashes and defanged values in any writing', () => {
    const list = verdictList('v', [
      row('hxxp://A.example[.]net/X', 'malicious'),
      row('ABCDEF'.repeat(7).slice(0, 40), 'malicious'),
    ]);
    expect(list.match(indicator('http://a.example.net/X'))?.verdict).toBe('malicious');
    expect(list.match(indicator('http://a.example.net/x2'))).toBeUndefined();
    expect(list.match(indicator('abcdef'.repeat(7).slice(0, 40)))?.verdict).toBe('malicious');
  });

  it.each([
    [row('', 'malicious'), 'line 2: indicator'],
    [row('192.0.2.1', 'evil'), 'line 2: verdict'],
    [row('192.0.2.1', 'malicious', '101'), 'line 2: score'],
    [row('*.', 'malicious'), 'line 2: indicator'],
  ])('names line and column of %j', (wrong, field) => {
    expect(() => verdictList('v', [wrong])).toThrow(expect.objectContaining({ field }));
  });

  it('outweighs a warning list, even where it says benign', () => {
    const warning = warninglist('w', { name: 'w', type: 'string', list: ['192.0.2.1', '192.0.2.2'] });
    const list = verdictList('v', [row('192.0.2.1', 'suspicious', '40')]);
    expect(judge(indicator('192.0.2.1'), [list, warning])).toMatchObject({ verdict: 'suspicious', score: 40 });
    expect(judge(indicator('192.0.2.2'), [list, warning])).toMatchObject({ verdict: 'benign', score: 0 });
    expect(judge(indicator('192.0.2.3'), [list, warning])).toEqual({ verdict: 'unknown', score: 0, matches: [] });
  });
});
