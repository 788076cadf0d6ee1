import { CalmReader } from './calm-reader';
import { anEvent, aStream, toStream } from './event-fixture';
import { createMemoryEventStore } from './memory-event-store';
import type { EventStore } from './port';

describe('CalmReader', () => {
  let store: EventStore;
  let reads: number;
  let calm: CalmReader;
  const append = () => store.append([toStream(aStream(), [anEvent()])]);
  const read = async (cursor: string | undefined, categories = ['case'] as const) =>
    calm.readAfter(cursor, { categories: [...categories], limit: 10 });

  beforeEach(() => {
    store = createMemoryEventStore();
    reads = 0;
    calm = new CalmReader({
      end: () => store.end(),
      readAfter(cursor, options) {
        reads += 1;
        return store.readAfter(cursor, options);
      },
    });
  });

  it('reads no more while readers see no further than when there was nothing', async () => {
    await append();
    const { cursor } = await read(undefined);
    for (let look = 0; look < 5; look += 1) expect(await read(cursor)).toEqual({ events: [], cursor });
    // The first of them gave nothing, and the second knew up to where.
    expect(reads).toBe(3);
    await append();
    expect((await read(cursor)).events).toHaveLength(1);
    expect(reads).toBe(4);
  });

  it('reads what appears between two looks, whoever else looks', async () => {
    const nothing = await read(undefined);
    await read(undefined);
    await append();
    const { events, cursor } = await read(nothing.cursor);
    expect(events).toHaveLength(1);
    expect((await read(undefined)).events).toEqual(events);
    expect((await read(cursor)).events).toEqual([]);
  });

  it('goes by what was read: another category, another tenant and another place are their own', async () => {
    await append();
    const { cursor } = await read(undefined);
    for (let look = 0; look < 3; look += 1) await read(cursor);
    const before = reads;
    await calm.readAfter(cursor, { categories: ['alert'], limit: 10 });
    await calm.readAfter(cursor, { categories: ['case'], tenant: 'other', limit: 10 });
    expect((await read(undefined)).events).toHaveLength(1);
    expect(reads).toBe(before + 3);
  });

  it('forgets the places that nobody reads from any more', async () => {
    await append();
    const { cursor } = await read(undefined);
    await read(cursor);
    for (let number = 0; number < 50; number += 1)
      await calm.readAfter(cursor, { categories: [], tenant: `t-${number}`, limit: 1 });
    const before = reads;
    await read(cursor);
    await read(cursor);
    await read(cursor);
    // As at the first time: one that gives nothing, one that knows up to where, and then none.
    expect(reads).toBe(before + 2);
  });
});
