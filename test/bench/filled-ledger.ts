import { createPostgresEventStore, NO_STREAM, type StreamAppend, type StreamHead } from '../../libs/event-store';
import { caseHistories, EVENTS_A_CASE } from './case-histories';

/** Appends the histories of so many cases to the ledger of `url`; how many events they have. */
export async function fillLedger(url: string, cases: number): Promise<number> {
  const store = createPostgresEventStore({ connection: { connectionString: url } });
  const heads = new Map<string, StreamHead>();
  for (const turn of caseHistories(cases)) {
    const groups = turn.map(({ stream, event }): [StreamAppend] => {
      const expected = heads.get(stream) ?? NO_STREAM;
      const append = { category: 'case', stream, tenant: 'default', expected, events: [event] } as const;
      heads.set(stream, store.headAfter(append));
      return [append];
    });
    for (const { status } of await store.appendMany(groups)) {
      if (status !== 'appended') throw new Error(`an append of the bench was not written: ${status}`);
    }
  }
  await store.close();
  return cases * EVENTS_A_CASE;
}
