import { type EventContract, eventContracts } from '#contracts/events/event';
import { Closed, Text } from '#contracts/schema';
import { earlier, revised } from '#contracts/versioned-contract';
import type { Decider } from '#libs/kernel';
import { eventStoreConformance } from './conformance';
import { allVisible, anEvent, aStream, chainFaults, eventsOf, toStream } from './event-fixture';
import { execute, headOf } from './execute';
import { createMemoryEventStore } from './memory-event-store';
import type { EventStore } from './port';
import { upcasting } from './interpreting-event-store';

/** A type that the product does not have, in its second version: it began without a language. */
const contracts: Record<string, EventContract> = eventContracts('case', {
  NoteAdded: revised(
    Closed({ text: Text(100), language: Text(10) }),
    earlier(Closed({ text: Text(100) }), (data) => ({ ...data, language: 'en' })),
  ),
});
const inFirstVersion = anEvent({ data: { text: 'seen' } });
const inSecondVersion = anEvent({ schemaVersion: 2, data: { text: 'gesehen', language: 'de' } });
const inLaterVersion = anEvent({ schemaVersion: 3 });
const current = [
  { version: 1, schemaVersion: 2, data: { text: 'seen', language: 'en' } },
  { version: 2, schemaVersion: 2, data: { text: 'gesehen', language: 'de' } },
];

describe('the event store of those who interpret events', () => {
  let stored: EventStore;
  let store: EventStore;
  let stream: string;
  beforeEach(async () => {
    stored = createMemoryEventStore();
    store = upcasting(stored, (_, type) => contracts[type]);
    stream = aStream();
    await stored.append([toStream(stream, [inFirstVersion, inSecondVersion])]);
    await allVisible(stored);
  });

  it('reads every event in the version of now, whichever way it is read', async () => {
    expect(await store.readStream('case', stream)).toMatchObject(current);
    expect((await store.readStreams('case', [stream])).get(stream)).toMatchObject(current);
    expect((await store.readAfter(undefined, { limit: 10 })).events).toMatchObject(current);
  });

  it('leaves the ledger, its chain and its proofs as they are', async () => {
    const before = await stored.readStream('case', stream);
    await store.readStream('case', stream);
    expect(await stored.readStream('case', stream)).toEqual(before);
    expect(before.map(({ schemaVersion }) => schemaVersion)).toEqual([1, 2]);
    expect(chainFaults(before)).toEqual([]);
  });

  it('goes on from a stream of mixed versions', async () => {
    const expected = headOf(await store.readStream('case', stream));
    const added = eventsOf(await store.append([toStream(stream, [anEvent({ schemaVersion: 2 })], { expected })]));
    expect(added).toMatchObject([{ version: 3 }]);
    expect(chainFaults(await stored.readStream('case', stream))).toEqual([]);
  });

  it('gives the answer of an earlier release in the version of now', async () => {
    const [again] = await store.appendMany([[toStream(stream, [inFirstVersion, inSecondVersion])]]);
    expect(again).toMatchObject({ status: 'duplicate', events: current });
    expect(await store.append([toStream(stream, [inFirstVersion])])).toMatchObject({
      status: 'duplicate',
      events: current.slice(0, 1),
    });
  });

  it('refuses to read on where a later release has written', async () => {
    const expected = headOf(await store.readStream('case', stream));
    await stored.append([toStream(stream, [inLaterVersion], { expected })]);
    const refused = { code: 'unknown_schema_version', reason: /NoteAdded has version 3/ };
    await expect(store.readStream('case', stream)).rejects.toMatchObject({ code: refused.code });
    await expect(store.readAfter(undefined, { limit: 10 })).rejects.toThrow(refused.reason);
    expect(await stored.readStream('case', stream)).toHaveLength(3);
  });

  it('lets a decider decide on what an earlier release has written', async () => {
    const languages: Decider<string[], 'Translate', { type: 'NoteAdded'; data: { text: string; language: string } }> = {
      initialState: () => [],
      evolve: (state, { data }) => [...state, data.language],
      decide: () => [],
    };
    const context = {
      category: 'case',
      stream,
      tenant: 'default',
      actor: { kind: 'human', id: 'alice' },
      meta: { correlationId: 'c-1' },
      time: new Date('2026-11-24T10:00:00.000Z'),
    } as const;
    expect((await execute(store, languages, context, 'Translate')).state).toEqual(['en', 'de']);
  });
});

describe('the same store with nothing to upcast', () => {
  const store = upcasting(createMemoryEventStore());
  eventStoreConformance(() => store);
});
