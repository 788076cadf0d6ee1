import fc from 'fast-check';
import { canonicalJson, MAX_DEPTH } from './canonical-json';

describe('canonical JSON (RFC 8785)', () => {
  it('gives the result of the example in section 3.2.2 to 3.2.4', () => {
    const value = {
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\nA\'B"\\\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units (section 3.2.3)', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    const keys = Object.keys(JSON.parse(canonicalJson(value)));
    expect(keys).toEqual(['1', '\r', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33']);
  });

  it('writes minus zero as zero, and leaves out keys without a value', () => {
    expect(canonicalJson({ b: undefined, a: -0 })).toBe('{"a":0}');
  });

  it.each([[NaN], [Infinity], [1n], [[undefined]], [() => 1], [{ at: new Date(0) }]])('refuses %p', (value) => {
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'invalid_field' }));
  });

  it('refuses lone surrogates in texts and in keys', () => {
    for (const value of ['\ud800', { '\udc00': 1 }, ['a\ud83d']]) {
      expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'invalid_character' }));
    }
  });

  it(`refuses more than ${MAX_DEPTH} levels instead of overflowing the stack`, () => {
    const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);
    expect(canonicalJson(nested(MAX_DEPTH))).toHaveLength(2 * MAX_DEPTH);
    expect(() => canonicalJson(nested(100_000))).toThrow(expect.objectContaining({ code: 'invalid_field' }));
  });

  it('says the same value, whatever the order of the keys', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const canonical = canonicalJson(value);
        expect(JSON.parse(canonical)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(value))).toBe(canonical);
        expect(canonicalJson(JSON.parse(canonical))).toBe(canonical);
      }),
    );
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  );
}
