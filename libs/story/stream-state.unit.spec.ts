import { createMemoryEventStore, NO_STREAM, type RecordedEvent, toNewEvents } from '#libs/event-store';
import { differences } from './differences';
import { streamState } from './stream-state';

const at = (minute: number) => new Date(Date.UTC(2026, 10, 24, 10, minute));
const iso = (minute: number) => at(minute).toISOString();

async function aStore() {
  const store = createMemoryEventStore();
  for (const [index, text] of ['one', 'two', 'three'].entries()) {
    const expected = (await store.heads('case', ['case-a'])).get('case-a') ?? NO_STREAM;
    const envelope = {
      category: 'case',
      stream: 'case-a',
      actor: { kind: 'human', id: 'arno' },
      time: at(index * 10),
    } as const;
    const data = { caseId: 'a', noteId: text, text };
    const events = toNewEvents([{ type: 'CaseNoteAdded', data }], { ...envelope, meta: { correlationId: 'c' } });
    await store.append([{ category: 'case', stream: 'case-a', tenant: 'default', expected, events }]);
  }
  return store;
}
const notes = {
  category: 'case',
  stream: 'case-a',
  tenant: 'default',
  missing: 'There is no case a.',
  fold: (events: readonly RecordedEvent[]) => {
    const texts = events.map(({ data }) => String(data['text']));
    return events.length === 0
      ? undefined
      : { last: texts.at(-1), texts: new Map(texts.entries()), all: new Set(texts) };
  },
} as const;

describe('the state of a stream', () => {
  it('is what its events came to at that moment', async () => {
    const store = await aStore();
    expect(await streamState(store, notes, {}, at(60))).toEqual({
      stream: 'case-a',
      version: 3,
      changedAt: iso(20),
      state: { last: 'three', texts: { 0: 'one', 1: 'two', 2: 'three' }, all: ['one', 'two', 'three'] },
    });
    expect(await streamState(store, notes, { at: iso(10) }, at(60))).toMatchObject({
      version: 2,
      state: { last: 'two' },
    });
    expect(await streamState(store, notes, { at: '2026-11-24T11:15:00+01:00' }, at(60))).toMatchObject({ version: 2 });
  });

  it('comes with what has changed since another moment', async () => {
    const store = await aStore();
    const { changes } = await streamState(store, notes, { since: iso(10) }, at(60));
    expect(changes).toEqual([
      { path: 'last', before: 'two', after: 'three' },
      { path: 'texts.2', after: 'three' },
      { path: 'all[2]', after: 'three' },
    ]);
    const everything = await streamState(store, notes, { at: iso(0), since: '2026-01-01T00:00:00Z' }, at(60));
    expect(everything.changes?.map(({ path }) => path)).toEqual(['last', 'texts', 'all']);
  });

  it('is refused before it existed, in the future, and to other tenants', async () => {
    const store = await aStore();
    const ask = (query: object, more = {}) => streamState(store, { ...notes, ...more }, query, at(60));
    await expect(ask({ at: '2026-01-01T00:00:00Z' })).rejects.toMatchObject({ code: 'not_found', field: 'at' });
    await expect(ask({ at: iso(61) })).rejects.toMatchObject({ code: 'invalid_field', field: 'at' });
    await expect(ask({ at: iso(10), since: iso(11) })).rejects.toMatchObject({ code: 'invalid_field', field: 'since' });
    await expect(ask({}, { tenant: 'other' })).rejects.toMatchObject({ code: 'not_found', field: 'id' });
    await expect(ask({}, { stream: 'case-b' })).rejects.toMatchObject({
      code: 'not_found',
      reason: 'There is no case a.',
    });
  });
});

describe('differences', () => {
  it('tell what came, went and changed, however deep', () => {
    const before = { a: 1, b: { c: [1, 2, { d: null }] }, gone: true, same: [{}] };
    const after = { a: '1', b: { c: [1, 3] }, came: {}, same: [{}] };
    expect(differences(before, after)).toEqual([
      { path: 'a', before: 1, after: '1' },
      { path: 'b.c[1]', before: 2, after: 3 },
      { path: 'b.c[2]', before: { d: null } },
      { path: 'gone', before: true },
      { path: 'came', after: {} },
    ]);
  });
});
