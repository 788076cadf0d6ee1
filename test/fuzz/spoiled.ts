import fc from 'fast-check';

/** What parsers stumble over: signs of JSON and YAML alone or in heaps, numbers at the edge, and bytes that are no text. */
const MORSELS: readonly Buffer[] = [
  ...['{', '}', '[', ']', '"', '\\', ',', ':', ' ', '\n', '\r\n', '-', '.', '0', 'e', 'null', 'true', '{}', '[]', '""'],
  ...[
    '1e999',
    '-0',
    '12345678901234567890',
    '0.1e-400',
    '1'.repeat(400),
    '"__proto__":',
    '"constructor":{}',
    '"\\u0000"',
  ],
  ...[
    '"\\ud800"',
    '\\u',
    '\u0000',
    '\ufeff',
    '\u00e9',
    '\u{1f600}',
    '\u202e',
    '&a',
    '*a',
    '!!js',
    '---',
    '<<: *a',
    '# ',
  ],
  ...['{"a":'.repeat(120), '['.repeat(200), ']'.repeat(200), 'x'.repeat(2_000), '"'.repeat(50), '\\'.repeat(51)],
  ...['1970-01-01T00:00:00Z', '99999999999999999999', 'T1110.001'.repeat(30), 'Splunk ', 'Basic ', 'Og==', ':'],
].map((text) => Buffer.from(text));
const NO_TEXT = [Buffer.from([0xff]), Buffer.from([0xc3, 0x28]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0])];

interface Edit {
  readonly at: number;
  readonly length: number;
  readonly morsel: Buffer;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(1_000_000),
  length: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3 }), fc.nat(200)),
  morsel: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...MORSELS) }, fc.constantFrom(...NO_TEXT, Buffer.alloc(0))),
});

/** One of the corpus with some places written over, cut out or put in; or nothing but morsels. */
export function spoiled(corpus: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...corpus, Buffer.alloc(0)), fc.array(edit, { maxLength: 6 }))
    .map(([whole, edits]) => edits.reduce(applied, whole));
}

function applied(bytes: Buffer, { at, length, morsel }: Edit): Buffer {
  const start = bytes.length === 0 ? 0 : at % (bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, start), morsel, bytes.subarray(start + length)]);
}

/** The same bytes in pieces, as a network may deliver them. */
export function inPieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  const bounds = [0, ...places, bytes.length];
  return bounds.slice(1).map((end, index) => bytes.subarray(bounds[index], end));
}
