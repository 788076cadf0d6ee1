import type { ListedAlert, PollApi } from '../adapters/polls/poll-api';
import { listing, type Listed } from './poll-listing';

interface Alert {
  readonly id: string;
  modifiedAt: number;
}

const NOW = 10_000;

/** An API that lists by the time of the change, in pages by number, and lets a test change things between its answers. */
function ascending(alerts: Alert[], pageSize: number, meanwhile: (call: number) => void = () => undefined): PollApi {
  let calls = 0;
  return {
    async list(since, continuation) {
      const offset = Number(continuation ?? 0);
      const found = alerts
        .filter(({ modifiedAt }) => modifiedAt >= since)
        .sort((one, other) => one.modifiedAt - other.modifiedAt)
        .slice(offset, offset + pageSize)
        .map(({ id, modifiedAt }) => ({ text: id, modifiedAt }));
      calls += 1;
      meanwhile(calls);
      return {
        alerts: found,
        continuation: found.length < pageSize ? undefined : String(offset + pageSize),
        askedAt: NOW,
      };
    },
  };
}

async function all(pages: AsyncGenerator<Listed>): Promise<Listed[]> {
  const listed: Listed[] = [];
  for await (const page of pages) listed.push(page);
  return listed;
}

const idsOf = (listed: readonly Listed[]) => new Set(listed.flatMap(({ alerts }) => alerts.map(({ text }) => text)));
const alertsAt = (...times: number[]): Alert[] => times.map((modifiedAt, index) => ({ id: `a${index}`, modifiedAt }));

describe('a listing', () => {
  it('is complete up to the time at which it was begun, by the slower of two clocks', async () => {
    const api = ascending(alertsAt(1_000), 10);
    expect(await all(listing(api, true, 0, NOW + 5_000))).toMatchObject([{ completeUntil: NOW }]);
    expect(await all(listing(api, true, 0, NOW - 5_000))).toMatchObject([{ completeUntil: NOW - 5_000 }]);
    const mute: PollApi = { list: async () => ({ alerts: [], continuation: undefined, askedAt: undefined }) };
    expect(await all(listing(mute, true, 0, 7_000))).toMatchObject([{ completeUntil: 7_000 }]);
  });

  it('comes in parts that are complete each, where the earliest change comes first', async () => {
    const listed = await all(listing(ascending(alertsAt(1, 2, 3, 4, 5), 2), true, 0, NOW));
    expect(listed.map(({ completeUntil }) => completeUntil)).toEqual([2, 3, 4, 5, NOW]);
    expect(idsOf(listed).size).toBe(5);
  });

  it('misses nothing when alerts are changed, and come in, while it is read', async () => {
    const alerts = alertsAt(...Array.from({ length: 40 }, (_, index) => index + 1));
    const api = ascending(alerts, 5, (call) => {
      for (const alert of alerts.slice(0, 3 * call)) alert.modifiedAt = NOW + call;
      if (call < 5) alerts.push({ id: `new${call}`, modifiedAt: NOW + 50 });
    });
    const listed = await all(listing(api, true, 0, NOW));
    const ids = idsOf(listed);
    for (let index = 0; index < 40; index += 1) expect(ids).toContain(`a${index}`);
  });

  it('goes through more alerts of one moment than a page holds', async () => {
    const listed = await all(listing(ascending(alertsAt(5, 5, 5, 5, 5, 5, 5, 6), 3), true, 0, NOW));
    expect(idsOf(listed).size).toBe(8);
    expect(listed.at(-1)?.completeUntil).toBe(NOW);
  });

  it('does not trust an order that is none', async () => {
    const api = ascending(alertsAt(1, 2, 3, 4, 5, 6), 2);
    const unordered: PollApi = {
      list: async (since, continuation) => {
        const page = await api.list(since, continuation);
        return { ...page, alerts: [...page.alerts].reverse() };
      },
    };
    const listed = await all(listing(unordered, true, 0, NOW));
    expect(listed.map(({ completeUntil }) => completeUntil)).toEqual([null, null, null, NOW]);
    expect(idsOf(listed).size).toBe(6);
  });

  it('is complete at its end alone, where the newest comes first', async () => {
    const pages: Record<string, ListedAlert[]> = {
      '': [{ text: 'c', modifiedAt: 30 }],
      two: [{ text: 'b', modifiedAt: 20 }],
      three: [{ text: 'broken', modifiedAt: undefined }],
    };
    const next: Record<string, string | undefined> = { '': 'two', two: 'three' };
    const api: PollApi = {
      list: async (_since, continuation = '') => ({
        alerts: pages[continuation] ?? [],
        ...{ continuation: next[continuation], askedAt: NOW },
      }),
    };
    const listed = await all(listing(api, false, 0, NOW));
    expect(listed.map(({ completeUntil }) => completeUntil)).toEqual([null, null, NOW]);
    expect(idsOf(listed)).toEqual(new Set(['c', 'b', 'broken']));
  });
});
