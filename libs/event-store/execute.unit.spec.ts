import { type Decider, DomainError, type DomainEvent } from '#libs/kernel';
import { chainFaults } from './event-fixture';
import { type CommandContext, execute } from './execute';
import { executeAll } from './execute-all';
import { createMemoryEventStore } from './memory-event-store';
import type { EventStore } from './port';

type Added = DomainEvent<'CaseNoteAdded', { text: string }>;
/** Adds a note for each letter, none for an empty text, and refuses more than ten of them. */
const notes: Decider<readonly string[], string, Added> = {
  initialState: () => [],
  evolve: (state, { data }) => [...state, data.text],
  decide: (text, state) => {
    if (state.length + text.length > 10)
      throw new DomainError('invalid_transition', `${state.length} notes are enough`);
    return [...text].map((letter) => ({ type: 'CaseNoteAdded', data: { text: letter } }));
  },
};

const context = (stream: string, causationId?: string, time = '2026-11-24T09:30:00.000Z'): CommandContext => ({
  category: 'case',
  stream,
  tenant: 'default',
  actor: { kind: 'service', id: 'case' },
  meta: { correlationId: 'c', causationId },
  time: new Date(time),
});

describe('execute', () => {
  it('decides, appends and returns the new state', async () => {
    const store = createMemoryEventStore();
    await execute(store, notes, context('s'), 'ab');
    const { state, events } = await execute(store, notes, context('s'), 'c');
    expect(state).toEqual(['a', 'b', 'c']);
    expect(events).toMatchObject([
      { version: 3, type: 'CaseNoteAdded', schemaVersion: 1, time: '2026-11-24T09:30:00.000Z' },
    ]);
    expect(await execute(store, notes, context('s'), '')).toEqual({ state: ['a', 'b', 'c'], events: [] });
  });

  it('decides again when somebody else was first', async () => {
    const store = createMemoryEventStore();
    const results = await Promise.all([...'abcdefghij'].map((letter) => execute(store, notes, context('s'), letter)));
    expect(results.flatMap(({ events }) => events.map(({ version }) => version)).sort((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    expect(chainFaults(await store.readStream('case', 's'))).toEqual([]);
    await expect(execute(store, notes, context('s'), 'k')).rejects.toMatchObject({ code: 'invalid_transition' });
  });

  it('gives a redelivered message its first answer, also on a stream that has gone on', async () => {
    const store = createMemoryEventStore();
    const first = await execute(store, notes, context('s', 'm-1'), 'ab');
    await execute(store, notes, context('s', 'm-2'), 'c');
    const again = await execute(store, notes, context('s', 'm-1'), 'ab');
    expect(again).toEqual({ state: ['a', 'b', 'c'], events: first.events });
  });

  it("refuses an event type that the category's contract does not have", async () => {
    const store = createMemoryEventStore();
    const unknown: Decider<null, null, DomainEvent> = {
      initialState: () => null,
      evolve: () => null,
      decide: () => [{ type: 'Unheard', data: {} }],
    };
    await expect(execute(store, unknown, context('s'), null)).rejects.toMatchObject({ code: 'unknown_event_type' });
  });
});

describe('executeAll', () => {
  const run = (store: EventStore, ...requests: readonly (readonly [string, string, string?, string?])[]) =>
    executeAll(
      store,
      notes,
      requests.map(([stream, command, causationId, time]) => ({
        context: context(stream, causationId, time),
        command,
      })),
    );

  it('decides each command on what the one before it on its stream leaves, in one append', async () => {
    const store = createMemoryEventStore();
    const results = await run(store, ['s', 'ab'], ['t', 'x'], ['s', ''], ['s', 'c']);
    expect(results).toMatchObject([
      { status: 'done', state: ['a', 'b'] },
      { status: 'done', state: ['x'] },
      { status: 'done', state: ['a', 'b'], events: [] },
      { status: 'done', state: ['a', 'b', 'c'] },
    ]);
    expect((await store.readStream('case', 's')).map(({ tx }) => tx)).toEqual(['1', '1', '1']);
  });

  it('refuses a command alone', async () => {
    const results = await run(createMemoryEventStore(), ['s', 'abcdefghij'], ['s', 'k'], ['t', 'x'], ['s', '']);
    expect(results).toMatchObject([
      { status: 'done' },
      { status: 'refused', error: { code: 'invalid_transition' } },
      { status: 'done' },
      { status: 'done', events: [] },
    ]);
  });

  it('decides again, in order, what followed a command whose append was refused or answered before', async () => {
    const store = createMemoryEventStore();
    const [first] = await run(store, ['s', 'a', 'm-1']);
    await run(store, ['s', 'b', 'm-2']);
    const results = await run(store, ['s', 'a', 'm-1'], ['s', 'cd', 'm-3'], ['s', '\0', 'm-4'], ['s', 'e', 'm-5']);
    expect(results).toMatchObject([
      { status: 'done', events: first?.status === 'done' ? first.events : [] },
      { status: 'done', state: ['a', 'b', 'c', 'd'] },
      { status: 'refused', error: { code: 'invalid_character' } },
      { status: 'done', state: ['a', 'b', 'c', 'd', 'e'] },
    ]);
    expect(chainFaults(await store.readStream('case', 's'))).toEqual([]);
  });

  it('keeps a chain of commands in one append though their times run backwards', async () => {
    const store = createMemoryEventStore();
    await run(store, ['s', 'a', 'm-1', '2026-11-24T10:00:00.000Z']);
    await run(
      store,
      ['s', 'b', 'm-2', '2026-11-24T11:00:00.000Z'],
      ['s', 'c', 'm-3', '2026-11-24T09:00:00.000Z'],
      ['s', 'd', 'm-4'],
    );
    const events = await store.readStream('case', 's');
    expect(events.map(({ time }) => time.slice(11, 13))).toEqual(['10', '11', '11', '11']);
    expect(new Set(events.map(({ tx }) => tx)).size).toBe(2);
  });

  it('loses nothing to writers beside it', async () => {
    const store = createMemoryEventStore();
    const batches = [...'abcde'].map((letter) => run(store, ['s', letter, `1${letter}`], ['s', letter, `2${letter}`]));
    const results = (await Promise.all(batches)).flat();
    expect(results.every(({ status }) => status === 'done')).toBe(true);
    const events = await store.readStream('case', 's');
    expect(events).toHaveLength(10);
    expect(chainFaults(events)).toEqual([]);
  });
});
