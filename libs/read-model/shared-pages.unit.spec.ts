import { createMemoryEventStore, type EventStore, NO_STREAM, type StreamHead } from '#libs/event-store';
import { BEGINNING, type Checkpoint } from './checkpoint';
import { note } from './note.fixture';
import { withSharedPages } from './shared-pages';

const LIMIT = 4;

describe('pages that read models share', () => {
  let store: EventStore;
  let head: StreamHead;
  let reads: number;
  beforeEach(() => {
    store = createMemoryEventStore();
    head = NO_STREAM;
    reads = 0;
  });
  afterEach(() => jest.useRealTimers());

  async function append(...numbers: number[]): Promise<void> {
    const result = await store.append([
      {
        category: 'case',
        stream: 'case-1',
        tenant: 'default',
        expected: head,
        events: numbers.map((number) => note({ number })),
      },
    ]);
    const last = result.status === 'appended' ? result.events.at(-1) : undefined;
    if (last) head = { version: last.version, hash: last.hash };
  }

  /** Read models of the same category that go on page by page. */
  function readers(...names: string[]) {
    const counting = {
      readAfter: (...given: Parameters<EventStore['readAfter']>) => {
        reads += 1;
        return store.readAfter(...given);
      },
    };
    const followers = names.map((name) => ({ name, categories: ['case'] as const }));
    return withSharedPages(counting, followers, LIMIT).map(([{ name }, pages]) => {
      let at = BEGINNING;
      return {
        pages,
        at: (): Checkpoint => at,
        next: async (): Promise<unknown[]> => {
          const { events, cursor } = await pages.after(name, at);
          const last = events.at(-1);
          if (last) at = { cursor, tx: BigInt(last.tx), position: BigInt(last.position) };
          return events.map(({ data }) => data['number']);
        },
      };
    });
  }

  it('are read once, whoever comes first', async () => {
    await append(1, 2, 3, 4, 5);
    const [one, two, three] = readers('one', 'two', 'three');
    expect(await Promise.all([one?.next(), two?.next()])).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    expect(await one?.next()).toEqual([5]);
    expect(await three?.next()).toEqual([1, 2, 3, 4]);
    expect(await three?.next()).toEqual([5]);
    expect(await two?.next()).toEqual([5]);
    expect(reads).toBe(2);
  });

  it('are let go of when everyone has had them', async () => {
    await append(1, 2);
    const [one, two] = readers('one', 'two');
    await Promise.all([one?.next(), two?.next()]);
    expect(two?.pages.continueAt(BEGINNING)).toBe(false);
  });

  it('are let go of after a second, whoever has not come', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    await append(1, 2);
    const [one, two] = readers('one', 'two');
    await one?.next();
    expect(two?.pages.continueAt(BEGINNING)).toBe(true);
    jest.advanceTimersByTime(1_000);
    expect(two?.pages.continueAt(BEGINNING)).toBe(false);
    expect(await two?.next()).toEqual([1, 2]);
  });

  it('end where another one has gone on from, so that who was behind goes on with the same ones', async () => {
    await append(1, 2);
    const [one, two] = readers('one', 'two');
    await one?.next();
    one?.pages.clear();
    await append(3, 4);
    await one?.next();
    expect(await two?.next()).toEqual([1, 2]);
    expect(two?.at()).toMatchObject({ cursor: expect.any(String) });
    expect(await two?.next()).toEqual([3, 4]);
    expect(reads).toBe(3);
  });

  it('are not kept when there is nothing on them: what comes next is seen', async () => {
    const [one, two] = readers('one', 'two');
    expect(await one?.next()).toEqual([]);
    await append(1);
    expect(await two?.next()).toEqual([1]);
    expect(await one?.next()).toEqual([1]);
  });

  it('are read again after a failure', async () => {
    await append(1);
    const [one, two] = readers('one', 'two');
    jest.spyOn(store, 'readAfter').mockRejectedValueOnce(new Error('away'));
    await expect(Promise.all([one?.next(), two?.next()])).rejects.toThrow('away');
    expect(await one?.next()).toEqual([1]);
    expect(await two?.next()).toEqual([1]);
  });
});
