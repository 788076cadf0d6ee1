import fc from 'fast-check';
import { LARGEST_ALERT } from '../alert-reception';
import { SyslogFrames } from './syslog-frames';

function framesOf(pieces: readonly (string | Buffer)[]): { readonly texts: string[]; readonly isBroken: boolean } {
  const frames = new SyslogFrames();
  const found = pieces.flatMap((piece) => frames.push(Buffer.from(piece as string, 'latin1')));
  const { frame, isBroken } = frames.end();
  const all = frame === undefined ? found : [...found, frame];
  expect(frames.held === 0 || isBroken).toBe(true);
  return { texts: all.map(({ bytes }) => bytes.toString('latin1')), isBroken };
}

const counted = (text: string): string => `${Buffer.byteLength(text, 'latin1')} ${text}`;

describe('the frames of a stream of syslog messages', () => {
  it.each<[string, string, string[]]>([
    ['lines', '<34>a\n<34>b\r\n<34>c\0\n<34>d', ['<34>a', '<34>b', '<34>c', '<34>d']],
    ['counted', `${counted('<34>a\nb')}${counted('<34>c')}`, ['<34>a\nb', '<34>c']],
    ['counted, with a line feed behind', `${counted('<34>a')}\n${counted('<34>b\n')}`, ['<34>a', '<34>b']],
    [
      'first one way, then the other',
      `<34>a\n${counted('<34>b')}<34>c\n${counted('<34>d')}`,
      ['<34>a', '<34>b', '<34>c', '<34>d'],
    ],
    [
      'lines that begin with a number',
      '2026-11-24 a\n404 not found\n12 <br>\n<34>a\n',
      ['2026-11-24 a', '404 not found', '12 <br>', '<34>a'],
    ],
    ['counted without a priority', `${counted('<34>a')}${counted('CEF:0|b')}`, ['<34>a', 'CEF:0|b']],
    ['with a count that is too small', `3 <34>abc${counted('<34>b')}`, ['<34', '>abc', '<34>b']],
    [
      'with a count that is too large',
      `8 <34>a${counted('<34>bcd')}${counted('<34>e')}`,
      ['<34>a7 <', '34>bcd', '<34>e'],
    ],
    ['with garbage between', `${counted('<34>a')}garbage${counted('<34>b')}`, ['<34>a', 'garbage', '<34>b']],
    ['without anything in them', '\n\r\n\0\n', []],
    ['a number alone', '123', ['123']],
    ['a count that is too long', '123456789 <34>a\n', ['123456789 <34>a']],
  ])('%s', (_, stream, expected) => {
    expect(framesOf([stream])).toEqual({ texts: expected, isBroken: false });
  });

  it('end with one that breaks off', () => {
    expect(framesOf([`${counted('<34>a')}99 <34>b`])).toEqual({ texts: ['<34>a'], isBroken: true });
  });

  it('are told from their beginning alone when they are too large, and cost their neighbours nothing', () => {
    const frames = new SyslogFrames();
    const large = Buffer.alloc(LARGEST_ALERT + 1, 'x');
    const found = [
      ...frames.push(Buffer.from('<34>a\n')),
      ...frames.push(Buffer.concat([Buffer.from('<34>'), large, Buffer.from('\n<34>b\n')])),
      ...frames.push(Buffer.from(`${large.length + 4} <34>`)),
      ...frames.push(large),
      ...frames.push(Buffer.from('<34>c\n')),
    ];
    expect(found.map(({ bytes, size }) => [bytes.length, size])).toEqual([
      [5, 5],
      [16 * 1024, LARGEST_ALERT + 5],
      [5, 5],
      [16 * 1024, LARGEST_ALERT + 5],
      [5, 5],
    ]);
  });

  it('take no more memory for being sent byte by byte', () => {
    const frames = new SyslogFrames();
    for (let byte = 0; byte < 100_000; byte += 1) frames.push(Buffer.from('x'));
    expect(frames.held).toBe(100_000);
    expect(frames.push(Buffer.from('\n'))).toHaveLength(1);
  });

  const text = fc.string({ unit: fc.constantFrom('a', '1', ' ', '<', '>', '\n', '\0', '9 <3>', '\r'), maxLength: 30 });

  it('are the same however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            text,
            text.map((inner) => counted(`<34>${inner}`)),
            text.map((inner) => `<34>${inner}\n`),
          ),
          { maxLength: 8 },
        ),
        fc.array(fc.nat(300)),
        (parts, cuts) => {
          const stream = parts.join('');
          const places = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
          const pieces = [0, ...places].map((start, at) => stream.slice(start, places[at] ?? stream.length));
          expect(framesOf(pieces)).toEqual(framesOf([stream]));
          expect(framesOf(stream.split(''))).toEqual(framesOf([stream]));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('are what was sent, whichever way each comes', () => {
    const message = fc
      .string({ unit: fc.constantFrom('a', '1', ' ', '<', '>', 'é'), maxLength: 20 })
      .map((inner) => `<34>${inner}.`);
    fc.assert(
      fc.property(fc.array(fc.tuple(message, fc.boolean())), (sent) => {
        const stream = sent.map(([inner, isCounted]) => (isCounted ? counted(inner) : `${inner}\n`)).join('');
        // What looks like a count within a line begins the next frame: only where a connection counts.
        fc.pre(!sent.some(([inner]) => /\d <\d/.test(inner)));
        expect(framesOf([stream]).texts).toEqual(sent.map(([inner]) => inner));
      }),
    );
  });
});
