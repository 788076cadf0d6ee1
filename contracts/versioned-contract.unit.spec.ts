import Type, { type Static } from 'typebox';
import { DomainError, type JsonObject } from '#libs/kernel';
import { EVENT_CONTRACTS, eventContract } from './events/index';
import { eventContracts, type EventOf } from './events/event';
import { Closed, Text } from './schema';
import { earlier, revised, upcast, versioned } from './versioned-contract';

const Note1 = Closed({ text: Text(100) });
const Note2 = Closed({ text: Text(100), language: Text(10) });
const Note3 = Closed({ paragraphs: Type.Array(Text(100)), language: Text(10) });
/** A type that has changed twice. */
const { NoteAdded, NoteRemoved } = versioned({
  NoteAdded: revised(
    Note3,
    earlier(Note1, ({ text }) => ({ text, language: 'en' })),
    earlier(Note2, ({ text, language }) => ({ paragraphs: text.split('\n'), language })),
  ),
  NoteRemoved: Closed({}),
});
const note = (schemaVersion: number, data: JsonObject) => ({ type: 'NoteAdded', schemaVersion, data, id: 'n-1' });

describe('a contract with versions', () => {
  it('counts them from 1', () => {
    expect([NoteRemoved.version, NoteAdded.version]).toEqual([1, 3]);
    expect(NoteAdded.schema).toBe(Note3);
    expect(NoteAdded.earlier.map(({ schema }) => schema)).toEqual([Note1, Note2]);
  });

  it('types events by the version that is written now', () => {
    const events = eventContracts('case', {
      NoteAdded: revised(
        Note2,
        earlier(Note1, (data) => data),
      ),
    });
    const event: EventOf<typeof events> = { type: 'NoteAdded', data: { text: 'seen', language: 'en' } };
    const data: Static<typeof Note2> = event.data;
    expect(data.language).toBe('en');
    expect(events.NoteAdded).toMatchObject({ category: 'case', version: 2 });
  });
});

describe('upcasting', () => {
  it('takes data through every version after its own, and leaves the rest of the event alone', () => {
    expect(upcast(NoteAdded, note(1, { text: 'a\nb' }))).toEqual(note(3, { paragraphs: ['a', 'b'], language: 'en' }));
    expect(upcast(NoteAdded, note(2, { text: 'c', language: 'de' }))).toEqual(
      note(3, { paragraphs: ['c'], language: 'de' }),
    );
  });

  it('changes nothing in what it is given, which may be the ledger itself', () => {
    const stored = Object.freeze(note(1, Object.freeze({ text: 'seen' })));
    upcast(NoteAdded, stored);
    expect(stored).toEqual(note(1, { text: 'seen' }));
  });

  it('gives back the same object when there is nothing to do, and for a type without a contract', () => {
    const now = note(3, { paragraphs: [], language: 'en' });
    expect(upcast(NoteAdded, now)).toBe(now);
    expect(upcast(undefined, now)).toBe(now);
  });

  it('refuses a version that only a later release knows, naming type and version', () => {
    expect(() => upcast(NoteAdded, note(4, {}))).toThrow(
      new DomainError('unknown_schema_version', {
        field: 'schemaVersion',
        reason: 'NoteAdded has version 4; this release knows it up to version 3',
      }),
    );
  });

  it('says which step of which type failed', () => {
    expect(() => upcast(NoteAdded, note(2, { language: 'en' }))).toThrow(
      /NoteAdded of version 2 cannot be brought to version 3: TypeError/,
    );
  });
});

describe('the contracts of the product', () => {
  it('are found by category and type, and by nothing that an object happens to have', () => {
    expect(eventContract('case', 'CaseOpened')).toBe(EVENT_CONTRACTS.case['CaseOpened']);
    expect(eventContract('case', 'RunStarted')).toBeUndefined();
    expect(eventContract('case', 'constructor')).toBeUndefined();
  });
});
