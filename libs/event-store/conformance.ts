import type { Category } from '#contracts/envelope';
import { eventId } from '#libs/kernel';
import {
  allVisible,
  anEvent,
  aStream,
  chainFaults,
  endOf,
  eventsOf,
  eventsWith,
  group,
  toStream as toStreamOf,
} from './event-fixture';
import { headOf } from './execute';
import {
  type EventStore,
  type NewEvent,
  NO_STREAM,
  type RecordedEvent,
  type StreamAppend,
  type StreamHead,
} from './port';

/**
 * What every event store must do. Run it inside of a `describe`.
 * @param store of the role that owns `alert`, `correlation` and `case`; asked for inside of tests only.
 * @param main of streams that a test says nothing else of; `beside` is another one of that role.
 */
export function eventStoreConformance(
  store: () => EventStore,
  main: Category = 'case',
  beside: Category = 'alert',
): void {
  const toStream = (stream: string, events: readonly NewEvent[], given: Partial<StreamAppend> = {}): StreamAppend =>
    toStreamOf(stream, events, { category: main, ...given });
  const read = (stream: string, category = main) => store().readStream(category, stream);
  const appended = async (stream: string, count = 1, category = main): Promise<RecordedEvent[]> =>
    eventsOf(
      await store().append([
        toStream(
          stream,
          Array.from({ length: count }, () => anEvent()),
          { category },
        ),
      ]),
    );

  describe('append', () => {
    it('numbers, chains and keeps the events, and returns what it kept', async () => {
      const stream = aStream();
      const given = eventsWith(
        { text: 'Ünï ☃ 😀 "quoted" \\ {a,b} NULL' },
        { n: [1e21, 5e-7, 0.1], deep: { x: null } },
      );
      const result = await store().append([toStream(stream, given)]);

      const events = await read(stream);
      expect(eventsOf(result)).toEqual(events);
      expect(events).toMatchObject([
        { ...given[0], category: main, stream, tenant: 'default', version: 1 },
        { version: 2, data: { n: [1e21, 5e-7, 0.1], deep: { x: null } } },
      ]);
      expect(chainFaults(events)).toEqual([]);
      const more = await store().append([toStream(stream, [anEvent()], { expected: headOf(events) })]);
      expect(eventsOf(more)).toMatchObject([{ version: 3 }]);
      expect(chainFaults(await read(stream))).toEqual([]);
    });

    it('refuses another version, another hash, and a stream that must not exist', async () => {
      const stream = aStream();
      const [first] = await appended(stream);
      const right = { version: 1, hash: first?.hash ?? '' };
      const wrong: StreamHead[] = [NO_STREAM, { ...right, version: 2 }, { version: 1, hash: 'ab'.repeat(32) }];
      for (const expected of wrong) {
        const result = await store().append([toStream(stream, [anEvent(), anEvent()], { expected })]);
        expect(result).toEqual({ status: 'conflict', stream, expected: expected.version, actual: 1 });
      }
      const absent = aStream();
      expect(await store().append([toStream(absent, [anEvent()], { expected: right })])).toEqual({
        status: 'conflict',
        stream: absent,
        expected: 1,
        actual: 0,
      });
      expect(await read(stream)).toHaveLength(1);
      expect(await read(absent)).toEqual([]);
    });

    it('writes all streams of a group or none', async () => {
      const [alert, correlation, taken] = [aStream(beside), aStream('correlation'), aStream()];
      await appended(taken);
      const first = toStream(alert, [anEvent()], { category: beside });
      const second = toStream(correlation, [anEvent()], { category: 'correlation' });
      const result = await store().append([first, second, toStream(taken, [anEvent()])]);
      expect(result).toEqual({ status: 'conflict', stream: taken, expected: 0, actual: 1 });
      expect([await read(alert, beside), await read(correlation, 'correlation')]).toEqual([[], []]);

      const written = eventsOf(await store().append([first, second]));
      expect(written.map(({ stream }) => stream)).toEqual([alert, correlation]);
      expect(new Set(written.map(({ tx }) => tx)).size).toBe(1);
      expect(await read(correlation, 'correlation')).toEqual([written[1]]);
    });

    it('never lets time run backwards within a stream', async () => {
      const stream = aStream();
      const at = (time: string) => anEvent({ time });
      const early = await store().append([
        toStream(stream, [at('2026-11-24T10:00:00.000Z'), at('2026-11-24T09:00:00.000Z')]),
      ]);
      const late = await store().append([
        toStream(stream, [at('2026-11-24T09:30:00.000Z'), at('2026-11-24T10:00:00.001Z')], {
          expected: headOf(eventsOf(early)),
        }),
      ]);
      expect([...eventsOf(early), ...eventsOf(late)].map(({ time }) => time.slice(11))).toEqual([
        '10:00:00.000Z',
        '10:00:00.000Z',
        '10:00:00.000Z',
        '10:00:00.001Z',
      ]);
      expect(chainFaults(await read(stream))).toEqual([]);
    });

    it('tells its listeners which categories it has written to', async () => {
      const heard: Category[][] = [];
      const stop = store().onAppended((categories) => heard.push([...categories].sort()));
      const [alert, one] = [aStream(beside), aStream()];
      await store().append([toStream(alert, [anEvent()], { category: beside }), toStream(one, [anEvent()])]);
      await store().append([toStream(one, [anEvent()])]);
      stop();
      await appended(aStream());
      expect(heard).toEqual([[beside, main].sort()]);
    });
  });

  describe('append of what can never be written', () => {
    const broken: [string, string, () => Parameters<typeof toStream>][] = [
      ['invalid_character', 'events[1].data.user[0]', () => ['s', eventsWith({}, { user: ['\0'] })]],
      ['invalid_character', 'events[0].data.\\u0000', () => ['s', eventsWith({ '\0': 1 })]],
      ['invalid_character', 'events[0].data.a.b', () => ['s', eventsWith({ a: { b: 'x\ud800' } })]],
      ['invalid_character', 'events[0].actor.id', () => ['s', [anEvent({ actor: { kind: 'human', id: '\0' } })]]],
      ['invalid_character', 'stream', () => ['s\0', [anEvent()]]],
      ['invalid_field', 'stream', () => ['s'.repeat(401), [anEvent()]]],
      ['invalid_field', 'events[0].id', () => ['s', [anEvent({ id: 'one' })]]],
      ['invalid_field', 'events[0].time', () => ['s', [anEvent({ time: '2026-02-30T00:00:00.000Z' })]]],
      ['invalid_field', 'events[0].schemaVersion', () => ['s', [anEvent({ schemaVersion: 0 })]]],
      ['invalid_field', 'events[0].data', () => ['s', [anEvent({ data: nested(600) })]]],
      ['invalid_field', 'expected.hash', () => ['s', [anEvent()], { expected: { version: 1, hash: '' } }]],
      ['invalid_field', 'events', () => ['s', []]],
    ];

    it.each(broken)('says %s, names %s, and writes the other groups', async (code, field, appendOf) => {
      const good = aStream();
      const bad = toStream(...appendOf());
      await expect(store().append([bad])).rejects.toMatchObject({ code, field });
      const results = await store().appendMany([[bad], [toStream(good, [anEvent()])]]);
      expect(results).toMatchObject([{ status: 'refused', error: { code, field } }, { status: 'appended' }]);
      expect(await read(good)).toHaveLength(1);
    });

    it('refuses a stream that stands twice in its group', async () => {
      const twice = toStream(aStream(), [anEvent()]);
      await expect(store().append([twice, twice])).rejects.toMatchObject({ code: 'invalid_field', field: 'stream' });
      await expect(store().append([])).rejects.toMatchObject({ code: 'invalid_field' });
    });
  });

  describe('appendMany', () => {
    it('lets each group succeed or conflict on its own, and answers in their order', async () => {
      const [taken, free, other] = [aStream(), aStream(), aStream(beside)];
      await appended(taken);
      const results = await store().appendMany([
        [toStream(free, [anEvent(), anEvent()])],
        [toStream(taken, [anEvent()]), toStream(other, [anEvent()], { category: beside })],
        [toStream(other, [anEvent()], { category: beside })],
      ]);
      expect(results.map(({ status }) => status)).toEqual(['appended', 'conflict', 'appended']);
      expect(await read(free)).toEqual(eventsOf(results[0]));
      expect(await read(other, beside)).toEqual(eventsOf(results[2]));
      expect(await store().appendMany([])).toEqual([]);
    });

    it('lets a group continue what an earlier one of the call leaves', async () => {
      const [shared, alerts] = [aStream(), Array.from({ length: 20 }, () => aStream(beside))];
      let expected = NO_STREAM;
      const groups = alerts.map((alert) => {
        const append = toStream(shared, [anEvent()], { expected });
        expected = store().headAfter(append);
        return group(toStream(alert, [anEvent()], { category: beside }), append);
      });
      const results = await store().appendMany(groups);
      expect(results.map(({ status }) => status)).toEqual(alerts.map(() => 'appended'));
      expect(await read(shared)).toHaveLength(alerts.length);
      expect(chainFaults(await read(shared))).toEqual([]);
    });

    it('lets a group that continues one that is not written conflict, and leaves the others alone', async () => {
      const [taken, shared, free] = [aStream(), aStream(), aStream()];
      await appended(taken);
      const first = toStream(shared, [anEvent()]);
      const second = toStream(shared, [anEvent()], { expected: store().headAfter(first) });
      const third = toStream(shared, [anEvent()]);
      const results = await store().appendMany([
        [first, toStream(taken, [anEvent()])],
        [second],
        [third, toStream(free, [anEvent()])],
        [toStream(free, [anEvent()])],
      ]);
      expect(results.map(({ status }) => status)).toEqual(['conflict', 'conflict', 'appended', 'conflict']);
      expect(await read(shared)).toEqual(eventsOf(results[2]).slice(0, 1));
      expect(await read(free)).toHaveLength(1);
    });

    it('gives a stream that two groups want to begin to the first', async () => {
      const stream = aStream();
      const results = await store().appendMany([1, 2, 3].map(() => [toStream(stream, [anEvent()])]));
      expect(results.map(({ status }) => status)).toEqual(['appended', 'conflict', 'conflict']);
      expect(results[2]).toEqual({ status: 'conflict', stream, expected: 0, actual: 1 });
    });
  });

  describe('an event id that is in the ledger (invariant 7)', () => {
    it('gets the earlier answer, whatever head the second delivery was decided on', async () => {
      const [stream, alert] = [aStream(), aStream(beside)];
      const caused = (on: string, ordinal = 0) => anEvent({ id: eventId(on, 'm-1', ordinal) });
      const first = group(
        toStream(alert, [caused(alert)], { category: beside }),
        toStream(stream, [caused(stream), caused(stream, 1)]),
      );
      const earlier = eventsOf(await store().append(first));
      await store().append([toStream(stream, [anEvent()], { expected: headOf(await read(stream)) })]);

      expect(await store().append(first)).toEqual({ status: 'duplicate', events: earlier });
      const again = group(
        toStream(alert, [caused(alert)], { category: beside, expected: headOf(await read(alert, beside)) }),
        toStream(stream, [caused(stream), caused(stream, 1)], { expected: headOf(await read(stream)) }),
      );
      const results = await store().appendMany([again, [toStream(aStream(), [anEvent()])], first]);
      expect(results).toMatchObject([
        { status: 'duplicate', events: earlier },
        { status: 'appended' },
        { status: 'duplicate', events: earlier },
      ]);
      expect(await read(stream)).toHaveLength(3);
    });

    it('is answered once when the message stands twice in one call', async () => {
      const stream = aStream();
      const append = toStream(stream, [anEvent()]);
      const results = await store().appendMany([[append], [append]]);
      expect(results.map(({ status }) => status)).toEqual(['appended', 'duplicate']);
      expect(eventsOf(results[1])).toEqual(eventsOf(results[0]));
    });

    it('is a conflict while only some of the ids are there and the head is another, and refused when it is not', async () => {
      const stream = aStream();
      const [event] = await appended(stream);
      const mixed = [anEvent({ id: event?.id }), anEvent()];
      expect(await store().append([toStream(stream, mixed)])).toMatchObject({ status: 'conflict', actual: 1 });
      const results = await store().appendMany([
        [toStream(stream, mixed, { expected: headOf(await read(stream)) })],
        [toStream(aStream(), [anEvent({ id: event?.id })])],
        [toStream(aStream(), [anEvent()])],
      ]);
      expect(results).toMatchObject([
        { status: 'refused', error: { code: 'event_id_taken' } },
        { status: 'refused', error: { code: 'event_id_taken' } },
        { status: 'appended' },
      ]);
      const twin = anEvent();
      await expect(store().append([toStream(aStream(), [twin, twin])])).rejects.toMatchObject({
        code: 'event_id_taken',
      });
    });
  });

  describe('reading streams', () => {
    it('reads ranges of one stream, many streams, and heads', async () => {
      const [one, two, none] = [aStream(), aStream(), aStream()];
      const events = await appended(one, 5);
      await appended(two);
      const versions = async (range: { from?: number; to?: number; limit?: number }) =>
        (await store().readStream(main, one, range)).map(({ version }) => version);
      expect(await versions({ from: 2, to: 4 })).toEqual([2, 3, 4]);
      expect(await versions({ from: 2, limit: 2 })).toEqual([2, 3]);
      expect(await versions({ to: Number.MAX_SAFE_INTEGER })).toEqual([1, 2, 3, 4, 5]);
      expect(await versions({ from: 9 })).toEqual([]);

      const found = await store().readStreams(main, [two, none, one]);
      expect([...found].map(([stream, list]) => [stream, list.length])).toEqual([
        [two, 1],
        [none, 0],
        [one, 5],
      ]);
      expect(found.get(one)).toEqual(events);
      const later = await store().readStreams(main, [two, none, one], new Map(Object.entries({ [one]: 4, [two]: 2 })));
      expect([...later].map(([stream, list]) => [stream, list.map(({ version }) => version)])).toEqual([
        [two, []],
        [none, []],
        [one, [4, 5]],
      ]);
      expect(await store().heads(main, [one, none])).toEqual(
        new Map([
          [one, headOf(events)],
          [none, NO_STREAM],
        ]),
      );
      expect((await store().readStreams(main, [])).size).toBe(0);
      expect((await store().readStream(beside, one)).length).toBe(0);
    });
  });

  describe('readAfter', () => {
    it('shows each event once, in (tx, position) order, in pages', async () => {
      const before = await endOf(store());
      const [one, two, alert] = [aStream(), aStream(), aStream(beside)];
      await appended(two, 3);
      await appended(alert, 2, beside);
      await appended(one, 2);
      await allVisible(store());
      const pages: RecordedEvent[] = [];
      let cursor = before;
      for (;;) {
        const page = await store().readAfter(cursor, { limit: 2 });
        if (page.events.length === 0) {
          expect(page.cursor).toBe(cursor);
          break;
        }
        pages.push(...page.events);
        cursor = page.cursor;
      }
      expect(pages.map(({ stream, version }) => [stream, version])).toEqual([
        [two, 1],
        [two, 2],
        [two, 3],
        [alert, 1],
        [alert, 2],
        [one, 1],
        [one, 2],
      ]);
      expect(pages.slice(0, 3)).toEqual(await read(two));
      const alerts = await store().readAfter(before, { limit: 10, categories: [beside, 'correlation'] });
      expect(alerts.events.map(({ stream }) => stream)).toEqual([alert, alert]);
    });

    it('shows news alone from the end', async () => {
      await appended(aStream());
      await allVisible(store());
      const end = await store().end();
      expect((await store().readAfter(end, { limit: 10 })).events).toEqual([]);
      const news = aStream();
      await appended(news, 2);
      await allVisible(store());
      const { events } = await store().readAfter(end, { limit: 10 });
      expect(events.map(({ stream, version }) => [stream, version])).toEqual([
        [news, 1],
        [news, 2],
      ]);
    });

    it("filters by tenant, and refuses a cursor that isn't one", async () => {
      const before = await endOf(store());
      await store().append([toStream(aStream(), [anEvent()], { tenant: 'other' })]);
      await appended(aStream());
      await allVisible(store());
      const { events } = await store().readAfter(before, { limit: 10, tenant: 'other' });
      expect(events.map(({ tenant }) => tenant)).toEqual(['other']);
      for (const cursor of ['', 'x', '1.', '99999999999999999999.1', "1.1' or true"]) {
        await expect(store().readAfter(cursor, { limit: 1 })).rejects.toMatchObject({ code: 'invalid_cursor' });
      }
      expect(await store().readAfter(before, { limit: 1, categories: [] })).toEqual({ events: [], cursor: before });
    });
  });
}

const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);
