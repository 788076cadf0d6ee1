import fc from 'fast-check';
import { type Decider, DomainError, type DomainEvent, newId } from '#libs/kernel';
import { anEvent, aStream, toStream } from './event-fixture';
import { type CommandContext, execute, headOf } from './execute';
import { executeAll } from './execute-all';
import { keepStates, loadStates } from './load-states';
import type { EventStore } from './port';
import type { SnapshotKind, Snapshots } from './snapshots';

type Added = DomainEvent<'CaseNoteAdded', { text: string }>;
interface Notes {
  readonly count: number;
  /** The last three letters, and how often each has come. */
  readonly last: readonly string[];
  readonly letters: Readonly<Record<string, number>>;
}

/** Adds a note for each letter; none for an empty text, and never one for the letter that came last. */
const notes: Decider<Notes, string, Added> = {
  initialState: () => ({ count: 0, last: [], letters: {} }),
  evolve: ({ count, last, letters }, { data: { text } }) => ({
    count: count + 1,
    last: [text, ...last].slice(0, 3),
    letters: { ...letters, [text]: (letters[text] ?? 0) + 1 },
  }),
  decide: (text, { last, letters }) => {
    if ((letters[text.charAt(0)] ?? 0) > 5) throw new DomainError('invalid_transition', `enough of ${text.charAt(0)}`);
    return [...text]
      .filter((letter) => letter !== last[0])
      .map((letter) => ({ type: 'CaseNoteAdded', data: { text: letter } }));
  },
  snapshots: { name: 'notes', stateVersion: 1 },
};
const kind = { category: 'case', name: 'notes', stateVersion: 1 } as const;

const context = (stream: string, causationId?: string): CommandContext => ({
  ...{ category: 'case', stream, tenant: 'default', actor: { kind: 'service', id: 'case' } },
  meta: { correlationId: 'c', causationId },
  time: new Date('2026-11-24T09:30:00.000Z'),
});

/** One command, or several in a batch; and what happens to the snapshots before it. */
const steps = fc.array(
  fc.record({
    commands: fc.array(fc.tuple(fc.constantFrom(0, 1), fc.stringMatching(/^[abc]{0,4}$/)), {
      minLength: 1,
      maxLength: 4,
    }),
    before: fc.constantFrom('nothing', 'nothing', 'drop', 'keep', 'again'),
  }),
  { maxLength: 12 },
);

/** What both kinds of snapshots must do. @param snapshotsOf keeps a state after so many events. */
export function snapshotsConformance(store: () => EventStore, snapshotsOf: (every: number) => Snapshots): void {
  const states = async (stream: string, snapshots?: Snapshots) =>
    (await loadStates(store(), notes, { category: 'case', streams: [stream], snapshots })).states.get(stream);
  const kept = async (stream: string, snapshots: Snapshots, of: SnapshotKind = kind) =>
    (await snapshots.load(of, [stream])).byStream.get(stream);
  const append = (stream: string, text: string, snapshots?: Snapshots) =>
    execute(store(), notes, context(stream), text, snapshots);

  describe('deciding with snapshots', () => {
    it('comes to the same as without, wherever they are taken', async () => {
      await fc.assert(
        fc.asyncProperty(steps, fc.integer({ min: 1, max: 6 }), async (all, every) => {
          const snapshots = snapshotsOf(every);
          const [with_, without] = [
            [aStream(), aStream()],
            [aStream(), aStream()],
          ];
          for (const { commands, before } of all) {
            if (before === 'drop') await snapshots.dropAll();
            if (before === 'keep') await states(with_[0] ?? '', snapshotsOf(1));
            const cause = before === 'again' ? 'm-1' : newId();
            const run = async (streams: string[], through?: Snapshots) =>
              executeAll(
                store(),
                notes,
                commands.map(([at, command], index) => ({
                  context: context(streams[at] ?? '', `${cause}-${index}`),
                  command,
                })),
                through,
              );
            const [ours, theirs] = [await run(with_, snapshots), await run(without)];
            const plain = (results: typeof ours) =>
              results.map((result) =>
                result.status === 'refused'
                  ? result.error.code
                  : [result.state, result.events.map(({ version, data }) => [version, data])],
              );
            expect(plain(ours)).toEqual(plain(theirs));
          }
        }),
        { numRuns: 40 },
      );
    });

    it('reads what came after them alone', async () => {
      const [stream, snapshots] = [aStream(), snapshotsOf(4)];
      await append(stream, 'abcab', snapshots);
      expect(await kept(stream, snapshots)).toBeUndefined();
      expect((await states(stream, snapshots))?.keptAt).toBe(5);
      await append(stream, 'cb', snapshots);
      expect(await kept(stream, snapshots)).toMatchObject({ version: 5, state: { count: 5, last: ['b', 'a', 'c'] } });

      const read = jest.spyOn(store(), 'readStreams');
      const after = await append(stream, 'a', snapshots);
      expect(read.mock.calls.map(([, , from]) => from?.get(stream))).toEqual([5]);
      read.mockRestore();
      expect(after.state).toEqual((await states(stream))?.state);
    });

    it('ignores one of another version of the state, and takes its place', async () => {
      const [stream, snapshots] = [aStream(), snapshotsOf(1)];
      await append(stream, 'abc');
      await states(stream, snapshots);
      const newer = { ...notes, snapshots: { name: 'notes', stateVersion: 2 } };
      expect(await kept(stream, snapshots, { ...kind, stateVersion: 2 })).toBeUndefined();
      await loadStates(store(), newer, { category: 'case', streams: [stream], snapshots });
      expect(await kept(stream, snapshots)).toBeUndefined();
      expect(await kept(stream, snapshots, { ...kind, stateVersion: 2 })).toMatchObject({ version: 3 });
    });

    it('ignores one that its stream does not have, as after a restore to an earlier time', async () => {
      const [stream, snapshots] = [aStream(), snapshotsOf(1)];
      await append(stream, 'abc');
      const right = await states(stream);
      const { generation } = await snapshots.load(kind, []);
      const invented = { count: 99, last: [], letters: {} };
      for (const version of [2, 3, 9]) {
        const hash = 'ab'.repeat(32);
        await snapshots.save(kind, generation, new Map([[stream, { version, hash, state: invented }]]));
        const known = new Map([
          [stream, { state: invented, head: { version, hash }, lastTime: '', keptAt: 0, generation }],
        ]);
        const { states: loaded } = await loadStates(store(), notes, {
          category: 'case',
          streams: [stream],
          snapshots,
          known,
        });
        expect(loaded.get(stream)?.state).toEqual(right?.state);
        expect((await states(stream, snapshots))?.state).toEqual(right?.state);
        expect(await kept(stream, snapshots)).toMatchObject({ ...right?.head });
        await snapshots.dropAll();
        await states(stream, snapshots);
        await snapshots.discard(kind, new Map([[stream, { version: 3, hash: right?.head.hash ?? '' }]]));
      }
    });

    it('takes a state that is in memory, goes on from it, and keeps it from time to time', async () => {
      const [stream, snapshots] = [aStream(), snapshotsOf(3)];
      await append(stream, 'ab');
      const { states: first } = await loadStates(store(), notes, { category: 'case', streams: [stream], snapshots });
      const read = jest.spyOn(store(), 'readStreams');
      const load = async (known: typeof first) =>
        (await loadStates(store(), notes, { category: 'case', streams: [stream], snapshots, known })).states;
      expect(await load(first)).toEqual(first);
      expect(read.mock.calls.map(([, streams]) => streams)).toEqual([[]]);
      await append(stream, 'ca', snapshots);
      read.mockClear();
      const second = await load(first);
      expect(read.mock.calls.map(([, , from]) => from?.get(stream))).toEqual([2]);
      expect(second.get(stream)?.state).toMatchObject({ count: 4 });
      read.mockRestore();
      expect(await kept(stream, snapshots)).toMatchObject({ version: 4 });
    });
  });

  describe('snapshots', () => {
    it('are replaced by later ones only', async () => {
      const [stream, snapshots] = [aStream(), snapshotsOf(1)];
      const { generation } = await snapshots.load(kind, []);
      const save = (version: number) =>
        snapshots.save(kind, generation, new Map([[stream, { version, hash: `h-${version}`, state: { version } }]]));
      for (const version of [5, 4, 6, 5]) await save(version);
      expect(await kept(stream, snapshots)).toEqual({ version: 6, hash: 'h-6', state: { version: 6 } });
    });

    it('are gone once they were dropped, and nothing of before comes back', async () => {
      const [stream, snapshots] = [aStream(), snapshotsOf(2)];
      await append(stream, 'abca');
      const { states: before } = await loadStates(store(), notes, { category: 'case', streams: [stream], snapshots });
      await snapshots.dropAll();
      expect(await kept(stream, snapshots)).toBeUndefined();
      const [first] = before.values();
      if (!first) throw new Error('the stream was not loaded');
      await keepStates(notes, 'case', new Map([[stream, { ...first, keptAt: 0 }]]), snapshots);
      expect(await kept(stream, snapshots)).toBeUndefined();

      const read = jest.spyOn(store(), 'readStreams');
      await loadStates(store(), notes, { category: 'case', streams: [stream], snapshots, known: before });
      expect(read.mock.calls.map(([, streams, from]) => [streams, from?.get(stream)])).toEqual([[[stream], undefined]]);
      read.mockRestore();
      expect(await kept(stream, snapshots)).toMatchObject({ version: 4 });
    });

    it('are of one decider, category and stream each', async () => {
      const [stream, snapshots] = [aStream(), snapshotsOf(1)];
      const { generation } = await snapshots.load(kind, []);
      await snapshots.save(kind, generation, new Map([[stream, { version: 1, hash: 'h', state: { a: 'ä€😀"\\' } }]]));
      expect(await kept(stream, snapshots, { ...kind, name: 'others' })).toBeUndefined();
      expect(await kept(stream, snapshots, { ...kind, category: 'alert' })).toBeUndefined();
      expect(await kept(aStream(), snapshots)).toBeUndefined();
      expect(await kept(stream, snapshots)).toMatchObject({ state: { a: 'ä€😀"\\' } });
    });
  });

  it('has nothing to do with a decider that does not declare it', async () => {
    const [stream, snapshots] = [aStream(), snapshotsOf(1)];
    const { snapshots: _, ...plain } = notes;
    await store().append([toStream(stream, [anEvent({ type: 'CaseNoteAdded' })])]);
    const { states: loaded } = await loadStates(store(), plain, { category: 'case', streams: [stream], snapshots });
    expect(loaded.get(stream)?.head).toEqual(headOf(await store().readStream('case', stream)));
    expect(await kept(stream, snapshots)).toBeUndefined();
  });
}
