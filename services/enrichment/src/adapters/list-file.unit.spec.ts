import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseListFile } from './list-file';

const csv = (text: string) => parseListFile('a.csv', Buffer.from(text));
const json = (content: unknown) => parseListFile('list.json', Buffer.from(JSON.stringify(content)));

describe('a file of verdicts', () => {
  it('may have a mark, comments, quotes, empty lines and fewer cells than columns', () => {
    const list = csv(
      '\ufeff# ours\nIndicator, Verdict ,score,comment\r\n\r\n192.0.2.1,malicious,80,"a, b"\n# more\n192.0.2.2,benign\n',
    );
    expect(list.entries).toBe(2);
    expect(list.match({ type: 'ip', value: '192.0.2.1' })).toMatchObject({ score: 80, comment: 'a, b' });
  });

  it.each([
    ['indicator,score\n192.0.2.1,4', 'line 1: verdict'],
    ['verdict\nmalicious', 'line 1: indicator'],
    ['indicator,verdict\n192.0.2.1,malicious\n\n192.0.2.2,odd', 'line 4: verdict'],
    ['indicator,verdict\n"192.0.2.1,malicious', '(root)'],
    ['indicator,verdict\n192.0.2.1,malicious,1,2,3', '(root)'],
  ])('%j is refused by its place', (text, field) => {
    expect(() => csv(text)).toThrow(expect.objectContaining({ field }));
  });
});

describe('a file of a warning list', () => {
  it.each([
    [{ name: 'x', type: 'fuzzy', list: [] }, 'type'],
    [{ name: 'x', type: 'string', list: 'a' }, 'list'],
    [{ name: 'x', type: 'string', list: ['a', 7] }, 'list[1]'],
    [['a'], '(root)'],
  ])('%j is refused by its field', (content, field) => {
    expect(() => json(content)).toThrow(expect.objectContaining({ field }));
  });

  it('that is no JSON is refused', () => {
    expect(() => parseListFile('list.json', Buffer.from('{'))).toThrow(
      expect.objectContaining({ code: 'invalid_json' }),
    );
  });
});

/** Lists of the MISP project, collected outside of the repository: reported as skipped where they are not. */
const collected = join(__dirname, '../../../../../shared/samples/intel/warninglists');

(existsSync(collected) ? describe : describe.skip)('warning lists of the MISP project', () => {
  const names = existsSync(collected) ? readdirSync(collected) : [];

  it.each(names)('%s is taken as it is', (name) => {
    const bytes = readFileSync(join(collected, name, 'list.json'));
    expect(parseListFile(`${name}/list.json`, bytes).entries).toBeGreaterThan(0);
  });

  it('know what they are for', () => {
    const list = (name: string) => parseListFile(name, readFileSync(join(collected, name, 'list.json')));
    expect(list('rfc1918').match({ type: 'ip', value: '10.4.5.6' })?.entry).toBe('10.0.0.0/8');
    expect(list('rfc1918').match({ type: 'ip', value: '203.0.113.1' })).toBeUndefined();
    expect(list('public-dns-v6').match({ type: 'ip', value: '2001:148f:fffe::1' })).toBeDefined();
    expect(list('empty-hashes').match({ type: 'hash', value: 'd41d8cd98f00b204e9800998ecf8427e' })).toBeDefined();
    expect(list('url-shortener').match({ type: 'url', value: 'https://1url.com/abc' })).toBeDefined();
  });
});
