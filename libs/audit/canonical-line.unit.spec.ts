import fc from 'fast-check';
import { canonicalJson, eventHash, type RecordedEvent } from '#libs/event-store';
import { CanonicalLine } from './canonical-line';
import { endOfValue, NOT_CANONICAL } from './canonical-scan';

const isCanonical = (text: string): boolean => {
  const bytes = Buffer.from(text);
  return endOfValue(bytes, 0) === bytes.length;
};

describe('the scan for the canonical form', () => {
  it('takes what is canonical', () => {
    const plain = fc.constantFrom(...' !#09AZaz~');
    const values = fc.jsonValue({ depthSize: 'medium', stringUnit: plain });
    fc.assert(
      fc.property(values, (value) => {
        expect(isCanonical(canonicalJson(value))).toBe(true);
      }),
    );
    for (const text of ['0', '-1.5', '1e+21', '1e-7', '""', '"\\n\\"\\\\/\u2028\u007fä"', '{"":1,"a":[],"ab":{}}']) {
      expect(isCanonical(text)).toBe(true);
    }
  });

  it('takes nothing else', () => {
    const space = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), space, (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        if (isCanonical(text)) expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
      { numRuns: 1_000 },
    );
    for (const text of [
      ...['01', '1.0', '-0', '1E5', '+1', '1e21', '0x1', '.5', '1.', '--1', '-', '1e400', '12345678901234567890'],
      ...['nul', 'True', 'NaN', '', ' 1', '"', '"a', '"\\', '"\t"', '"\\/"', '"\\u0041"', '"\\x"'],
      ...['[1,]', '[,1]', '[1 ,2]', '[1', '{"a":1,}', '{"a" :1}', '{a:1}', '{"a":}', '{"a"', '{"a":1', '{,}'],
      ...['{"b":1,"a":2}', '{"a":1,"a":2}', '{"ab":1,"a":2}', '{"a!":1,"a":2}', '{"a":{"d":1,"c":2}}'],
    ]) {
      expect([text, isCanonical(text)]).toEqual([text, false]);
    }
  });

  it('leaves to the parser what is rare', () => {
    const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
    for (const text of ['{"ä":1}', '"\\u0001"', deep]) {
      expect(canonicalJson(JSON.parse(text))).toBe(text);
      expect(endOfValue(Buffer.from(text), 0)).toBe(NOT_CANONICAL);
    }
  });

  it('takes nothing that an edit has left of a canonical text, unless it is one, too', () => {
    const text = canonicalJson({ a: [1, -2.5, true, null, 'x\n"'], b: { c: {}, d: 'é' }, e: 'e' });
    const edit = fc.tuple(fc.nat(Buffer.byteLength(text) - 1), fc.nat(2), fc.nat(127));
    fc.assert(
      fc.property(edit, ([at, removed, added]) => {
        const bytes = Buffer.from(text);
        const changed = Buffer.concat([bytes.subarray(0, at), Buffer.from([added]), bytes.subarray(at + removed)]);
        if (endOfValue(changed, 0) !== changed.length) return;
        const read = changed.toString();
        expect(canonicalJson(JSON.parse(read))).toBe(read);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a canonical line', () => {
  const event: RecordedEvent = {
    category: 'case',
    stream: 'case-1',
    version: 3,
    id: '01a20ea0-0000-7000-8000-000000000002',
    type: 'CaseNoteAdded',
    schemaVersion: 1,
    tenant: 'default',
    time: '2026-11-24T09:30:00.000Z',
    actor: { kind: 'human', id: 'alice' },
    data: { text: 'seen' },
    meta: { correlationId: 'c-1' },
    hash: 'ab'.repeat(32),
    tx: '18446744073709551615',
    position: '9223372036854775807',
  };
  const lineOf = (given: object): string => canonicalJson({ kind: 'event', ...event, ...given });
  function read(text: string): CanonicalLine | undefined {
    const line = new CanonicalLine();
    const bytes = Buffer.from(`before\n${text}\nafter`);
    const start = bytes.indexOf('\n') + 1;
    return line.read(bytes, start, bytes.lastIndexOf('\n')) ? line : undefined;
  }

  it('is read without being parsed, and hashed as the event that it tells of', () => {
    const objects = fc.dictionary(fc.string({ unit: 'grapheme-ascii' }), fc.jsonValue({ stringUnit: 'grapheme' }));
    const previous = fc.constantFrom('', 'cd'.repeat(32));
    fc.assert(
      fc.property(objects, fc.string({ unit: 'grapheme' }), previous, (data, type, previousHash) => {
        const line = read(lineOf({ data, type }));
        if (!line) return;
        const { category, stream, version, hash, tx, position } = event;
        expect(line).toMatchObject({ category, stream, version, hash, tx, position });
        expect(line.hashAfter(previousHash)).toBe(eventHash({ ...event, data, type } as RecordedEvent, previousHash));
      }),
    );
    expect(read(lineOf({ data: { text: 'x'.repeat(10_000) } }))).toBeDefined();
  });

  it('is left to the parser when it is no event, or not canonical', () => {
    const line = lineOf({});
    expect(read(line)).toBeDefined();
    for (const text of [
      lineOf({ note: 'beside' }),
      lineOf({ kind: 'leaf' }),
      lineOf({ category: 'weather' }),
      lineOf({ stream: 'case-"1"' }),
      lineOf({ stream: 7 }),
      lineOf({ version: 0 }),
      lineOf({ version: 1.5 }),
      lineOf({ version: '3' }),
      lineOf({ schemaVersion: -1 }),
      lineOf({ tx: '07' }),
      lineOf({ tx: '18446744073709551616' }),
      lineOf({ position: '0' }),
      lineOf({ hash: 'AB'.repeat(32) }),
      lineOf({ data: [] }),
      lineOf({ meta: null }),
      line.replace('"type"', '"typ"'),
      line.replace('{"actor"', ' {"actor"'),
      `${line} `,
      line.slice(0, -1),
      `${line}}`,
      '',
    ]) {
      expect([text, read(text)]).toEqual([text, undefined]);
    }
  });
});
