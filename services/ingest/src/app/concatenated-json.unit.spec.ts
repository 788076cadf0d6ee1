import fc from 'fast-check';
import { KEPT_OF_TOO_LARGE } from './alert-reception';
import { objectsOf } from './concatenated-json';

async function piecesOf(chunks: readonly Uint8Array[]): Promise<{ text: string; size: number }[]> {
  async function* body() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const pieces: { text: string; size: number }[] = [];
  for await (const { bytes, size } of objectsOf(body())) pieces.push({ text: bytes.toString('utf8'), size });
  return pieces;
}

const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
};

describe('objects one after the other', () => {
  it('are told apart, whatever they hold and wherever the body is cut', async () => {
    const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
    const white = fc.constantFrom('', ' ', '\n', '\r\n\t');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(object, white)), fc.array(fc.nat()), async (objects, places) => {
        const texts = objects.map(([value]) => JSON.stringify(value).toWellFormed());
        const body = Buffer.from(texts.map((text, index) => `${text}${objects[index]?.[1]}`).join(''));
        const pieces = await piecesOf(cut(body, places));
        expect(pieces.map(({ text }) => text)).toEqual(texts);
      }),
    );
  });

  it('never lose or hang on anything that a body may hold', async () => {
    const signs = fc.constantFrom(...'{}[]",:\\ 1a\n'.split(''));
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: signs }).map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(anything, fc.array(fc.nat(), { maxLength: 5 }), async (bytes, places) => {
        const body = Buffer.from(bytes);
        const pieces = await piecesOf(cut(body, places));
        const whole = await piecesOf([body]);
        expect(pieces).toEqual(whole);
        const kept = pieces.reduce((sum, { size }) => sum + size, 0);
        // All but white space between the objects.
        expect(kept).toBeGreaterThanOrEqual(body.toString('latin1').replaceAll(/[ \t\r\n]/g, '').length);
        expect(kept).toBeLessThanOrEqual(body.length);
      }),
    );
  });

  it('end where something else begins: the rest is one piece', async () => {
    expect((await piecesOf([Buffer.from('{"a":1}x{"b":2}\n{"c":3}')])).map(({ text }) => text)).toEqual([
      '{"a":1}',
      'x{"b":2}\n{"c":3}',
    ]);
  });

  it('are held only in part when they are too large', async () => {
    const part = Buffer.alloc(3_000_000, 0x61);
    const pieces = await piecesOf([Buffer.from('{"a":"'), part, part, part, part, Buffer.from('"}{}')]);
    expect(pieces.map(({ text, size }) => [size, text.length])).toEqual([
      [12_000_008, KEPT_OF_TOO_LARGE],
      [2, 2],
    ]);
  });
});
