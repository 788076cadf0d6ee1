import { Readable } from 'node:stream';
import { MemoryBudget } from './memory-budget';
import { batchesOf } from './intake-batches';
import { KEPT_OF_TOO_LARGE, LARGEST_ALERT, type RawAlert } from './alert-reception';
import { linesOf, readAlerts } from './raw-alerts';

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const result: Item[] = [];
  for await (const item of items) result.push(item);
  return result;
}
const texts = (alerts: readonly RawAlert[]) => alerts.map(({ bytes }) => bytes.toString());
const share = () => new MemoryBudget(1_000_000).open('a');
const read = (text: string, contentType?: string) =>
  readAlerts(Readable.from([Buffer.from(text)]), { contentType, contentEncoding: undefined }, share());

describe('the lines of a body', () => {
  it('are the same however the body is cut, blank ones aside', async () => {
    const body = Buffer.from('\ufeff{"a":"\u00fc"}\r\n\n  \n{"b":1}\n{"c":2}');
    for (let cut = 1; cut < body.length; cut += 1) {
      const lines = await all(linesOf([body.subarray(0, cut), body.subarray(cut)]));
      expect(texts(lines)).toEqual(['{"a":"\u00fc"}\r', '{"b":1}', '{"c":2}']);
    }
  });

  it('are held only in part when they are too large', async () => {
    const piece = Buffer.alloc(3_000_000, 0x61);
    const lines = await all(linesOf([piece, piece, piece, piece, Buffer.from('\n{}')]));
    expect(lines.map(({ size, bytes }) => [size, bytes.length])).toEqual([
      [12_000_000, KEPT_OF_TOO_LARGE],
      [2, 2],
    ]);
    expect(lines[0]?.size).toBeGreaterThan(LARGEST_ALERT);
  });

  it('end without the piece after which the body broke off', async () => {
    const seen: string[] = [];
    async function* broken() {
      yield Buffer.from('{"a":1}\n{"b"');
      throw new Error('aborted');
    }
    const reading = (async () => {
      for await (const { bytes } of linesOf(broken())) seen.push(bytes.toString());
    })();
    await expect(reading).rejects.toThrow('aborted');
    expect(seen).toEqual(['{"a":1}']);
  });
});

describe('a body', () => {
  it('is one alert, also over several lines', async () => {
    expect(await read('{\n "a": 1\n}\n')).toMatchObject({ kind: 'single' });
    expect(await read('{"a": 1}\n')).toMatchObject({ kind: 'single' });
  });

  it('is a list whose items keep their own bytes', async () => {
    const body = await read(' [ {"a": [1, "],["]} , {"b":"\\""}, nonsense ] ');
    expect(body.kind === 'list' && texts([...body.alerts])).toEqual(['{"a": [1, "],["]}', '{"b":"\\""}', 'nonsense']);
    expect(await read('[]')).toEqual({ kind: 'list', alerts: [] });
  });

  it('that is no whole list is one alert that cannot be read', async () => {
    for (const text of ['[{"a":1}, {"b', '[{"a":1}] [', '["]'])
      expect(await read(text)).toMatchObject({ kind: 'single' });
  });

  it('is NDJSON when it says so, or looks so', async () => {
    expect(await read('{"a":1}', 'application/x-ndjson; charset=utf-8')).toMatchObject({ kind: 'lines' });
    expect(await read('{"a":1}\n{"b":')).toMatchObject({ kind: 'lines' });
  });
});

describe('a small body that tells its length', () => {
  const headers = { contentType: 'application/json', contentEncoding: undefined, contentLength: '9' };
  const text = '{"a": 1}\n';

  it('is the same as any other, in however many pieces it comes', async () => {
    for (const pieces of [[text], [...text]]) {
      const body = await readAlerts(Readable.from(pieces.map((piece) => Buffer.from(piece))), headers, share());
      expect(body).toMatchObject({ kind: 'single', alert: { bytes: Buffer.from(text), size: 9 } });
    }
  });

  it('is none when it breaks off, on the way or before it was looked at', async () => {
    async function* broken() {
      yield Buffer.from('{"a"');
      throw new Error('reset');
    }
    await expect(readAlerts(Readable.from(broken()), headers, share())).rejects.toThrow('reset');
    const gone = new Readable({ read: () => undefined });
    const reading = readAlerts(gone, headers, share());
    gone.destroy();
    await expect(reading).rejects.toThrow('aborted');
    await expect(readAlerts(gone, headers, share())).rejects.toThrow('aborted');
  });

  it('counts as what is held in memory', async () => {
    const small = new MemoryBudget(8).open('a');
    await expect(readAlerts(Readable.from([Buffer.from(text)]), headers, small)).rejects.toMatchObject({
      code: 'service_unavailable',
    });
  });
});

describe('batches', () => {
  const limits = { count: 3, bytes: 100, sizeOf: (item: string) => item.length, lingerMs: 60_000 };

  it('end when they are full, by number or by bytes', async () => {
    async function* items() {
      yield* ['a', 'b', 'c', 'd'.repeat(100), 'e'];
    }
    expect(await all(batchesOf(items(), limits))).toEqual([['a', 'b', 'c'], ['d'.repeat(100)], ['e']]);
  });

  it('end when nothing comes, so that a slow sender is not kept waiting', async () => {
    let go = () => {};
    const later = new Promise<void>((resolve) => (go = resolve));
    async function* items() {
      yield 'a';
      await later;
      yield 'b';
    }
    const batches = batchesOf(items(), { ...limits, lingerMs: 1 });
    expect((await batches.next()).value).toEqual(['a']);
    go();
    expect((await batches.next()).value).toEqual(['b']);
    expect((await batches.next()).done).toBe(true);
  });

  it('pass on that their source has failed, after what came before', async () => {
    async function* items() {
      yield* ['a', 'b', 'c'];
      throw new Error('broken');
    }
    const batches = batchesOf(items(), limits);
    expect((await batches.next()).value).toEqual(['a', 'b', 'c']);
    await expect(batches.next()).rejects.toThrow('broken');
  });
});
