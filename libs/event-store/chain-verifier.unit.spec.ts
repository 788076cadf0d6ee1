import fc from 'fast-check';
import { ChainVerifier } from './chain-verifier';
import { anEvent, toStream } from './event-fixture';
import { eventHash, hashedText } from './event-hash';
import { createMemoryEventStore } from './memory-event-store';
import { NO_STREAM, type RecordedEvent } from './port';

async function ledgerOf(...lengths: readonly number[]): Promise<RecordedEvent[]> {
  const store = createMemoryEventStore();
  for (const [index, length] of lengths.entries()) {
    const events = Array.from({ length }, (_, at) => anEvent({ data: { at } }));
    await store.append([toStream(`case-${index}`, events, { expected: NO_STREAM })]);
  }
  return (await store.readAfter(undefined, { limit: 10_000 })).events.slice();
}

function verify(events: readonly RecordedEvent[]) {
  const verifier = new ChainVerifier();
  for (const event of events) verifier.add(event);
  return verifier.report();
}

describe('the hash of an event', () => {
  it('is SHA-256 over the canonical form, as docs/ledger-format.md shows it', () => {
    const event = {
      category: 'case',
      stream: 'case-01a20ea0-0000-7000-8000-000000000001',
      version: 1,
      id: '01a20ea0-0000-7000-8000-000000000002',
      type: 'CaseNoteAdded',
      schemaVersion: 1,
      tenant: 'default',
      time: '2026-11-24T09:30:00.000Z',
      actor: { kind: 'human', id: 'alice' },
      data: { text: 'seen', b: 1e21, a: null },
      meta: { correlationId: 'c-1' },
    } as const;
    expect(hashedText(event, '')).toBe(
      '{"actor":{"id":"alice","kind":"human"},"category":"case","data":{"a":null,"b":1e+21,"text":"seen"},' +
        '"id":"01a20ea0-0000-7000-8000-000000000002","meta":{"correlationId":"c-1"},"previousHash":"",' +
        '"schemaVersion":1,"stream":"case-01a20ea0-0000-7000-8000-000000000001","tenant":"default",' +
        '"time":"2026-11-24T09:30:00.000Z","type":"CaseNoteAdded","version":1}',
    );
    expect(eventHash(event, '')).toBe('dc1e9283ca00d60290204d8ddaa4e82b357d6cda96333da635e44fa15b45d557');
  });
});

describe('the chain verifier (invariant 2)', () => {
  it('finds nothing wrong with a ledger, however its streams interleave', async () => {
    const streams = [3, 1, 5];
    const events = await ledgerOf(...streams);
    expect(verify(events)).toEqual({ events: 9, streams: 3, faultCount: 0, faults: [] });
    const places = events.map(({ stream }) => stream);
    fc.assert(
      fc.property(fc.shuffledSubarray(places, { minLength: places.length }), (order) => {
        const taken = new Map<string, number>();
        const interleaved = order.flatMap((stream) => {
          const version = (taken.get(stream) ?? 0) + 1;
          taken.set(stream, version);
          return events.filter((event) => event.stream === stream && event.version === version);
        });
        expect(verify(interleaved)).toMatchObject({ events: 9, faultCount: 0 });
      }),
    );
  });

  it('finds two events of a stream that have changed places', async () => {
    const events = await ledgerOf(3);
    fc.assert(
      fc.property(fc.shuffledSubarray(events, { minLength: events.length }), (shuffled) => {
        fc.pre(shuffled.some((event, index) => event !== events[index]));
        expect(verify(shuffled).faultCount).toBeGreaterThan(0);
      }),
    );
  });

  it('finds any single change of any field', async () => {
    const events = await ledgerOf(4, 2);
    const changes: Partial<RecordedEvent>[] = [
      { type: 'CaseEscalated' },
      { data: { at: 99 } },
      { data: { at: NaN } },
      { actor: { kind: 'human', id: 'mallory' } },
      { time: '2026-11-24T09:30:00.001Z' },
      { tenant: 'other' },
      { id: '01a20ea0-0000-7000-8000-000000000002' },
      { schemaVersion: 2 },
      { meta: { correlationId: 'c-2' } },
      { hash: 'ab'.repeat(32) },
    ];
    for (const change of changes) {
      for (const at of events.keys()) {
        const report = verify(events.map((event, index) => (index === at ? { ...event, ...change } : event)));
        expect(report.faults[0]).toMatchObject({ kind: 'hash_mismatch', stream: events[at]?.stream });
      }
    }
  });

  it('finds a removal, an insertion and an exchange', async () => {
    const events = await ledgerOf(4);
    const [first, second, third, fourth] = events as [RecordedEvent, RecordedEvent, RecordedEvent, RecordedEvent];
    expect(verify([first, third, fourth]).faults).toMatchObject([{ kind: 'missing_versions', version: 3 }]);
    expect(verify([second, third, fourth]).faults).toMatchObject([{ kind: 'missing_versions', version: 2 }]);
    expect(verify([first, second, second, third]).faults).toMatchObject([{ kind: 'repeated_version', version: 2 }]);
    expect(verify([first, { ...third, version: 2 }, { ...second, version: 3 }, fourth]).faultCount).toBeGreaterThan(1);
    // Closing the gap takes a new hash for each later event.
    expect(verify([first, { ...third, version: 2 }, { ...fourth, version: 3 }]).faultCount).toBe(2);
  });
});
