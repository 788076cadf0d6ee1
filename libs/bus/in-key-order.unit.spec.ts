import { message } from './conformance/bus-fixture';
import { inKeyOrder } from './in-key-order';
import { done, retry } from './port';

const batch = (...names: string[]) => names.map((name) => message(name));
const nameOf = ({ data }: { data: Record<string, unknown> }) => String(data['name']);

describe('handling a batch in the order of its keys', () => {
  it('handles different keys side by side, and a key one after the other', async () => {
    const trace: string[] = [];
    const outcomes = await inKeyOrder(batch('a-1', 'a-2', 'b-1'), async (received) => {
      trace.push(`begin ${nameOf(received)}`);
      await Promise.resolve();
      trace.push(`end ${nameOf(received)}`);
      return done;
    });
    expect(outcomes).toEqual([done, done, done]);
    expect(trace.indexOf('begin b-1')).toBeLessThan(trace.indexOf('end a-1'));
    expect(trace.indexOf('begin a-2')).toBeGreaterThan(trace.indexOf('end a-1'));
  });

  it('does not touch what follows a retry', async () => {
    const seen: string[] = [];
    const outcomes = await inKeyOrder(batch('a-1', 'b-1', 'a-2', 'b-2'), (received) => {
      seen.push(nameOf(received));
      return Promise.resolve(nameOf(received) === 'a-1' ? retry(5, 'later') : done);
    });
    expect(outcomes.map(({ kind }) => kind)).toEqual(['retry', 'done', 'retry', 'done']);
    expect(seen.toSorted()).toEqual(['a-1', 'b-1', 'b-2']);
  });

  it('fails with the first error, once nothing is under way any more', async () => {
    let ended = 0;
    const failing = inKeyOrder(batch('a-1', 'b-1', 'c-1'), async (received) => {
      if (nameOf(received) === 'a-1') throw new Error('boom');
      await new Promise((resolve) => setImmediate(resolve));
      ended += 1;
      return done;
    });
    await expect(failing).rejects.toThrow('boom');
    expect(ended).toBe(2);
  });
});
