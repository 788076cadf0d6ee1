import { JoinedCalls } from './joined-calls';

/** Work that ends when it is told to. */
function held() {
  const batches: (readonly number[])[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const joined = new JoinedCalls<number, string>((items) => {
    batches.push(items);
    return new Promise((resolve, reject) => {
      ends.push((error) => (error ? reject(error) : resolve(items.map(String))));
    });
  }, 4);
  return { joined, batches, end: (error?: Error) => ends.shift()?.(error) };
}
const settled = () => new Promise(setImmediate);

describe('joined calls', () => {
  it('are one batch of all that was asked for while another was worked on, and each gets its own answers', async () => {
    const { joined, batches, end } = held();
    const asked = [joined.ask([1, 2]), joined.ask([3]), joined.ask([4, 5])];
    expect(batches).toEqual([[1, 2]]);
    end();
    await settled();
    expect(batches).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    end();
    expect(await Promise.all(asked)).toEqual([['1', '2'], ['3'], ['4', '5']]);
  });

  it('are no larger than allowed, but for a call that is', async () => {
    const { joined, batches, end } = held();
    const asked = [[1], [2, 3, 4], [5, 6], [7, 8, 9, 10, 11], [12]].map((items) => joined.ask(items));
    for (let round = 0; round < 5; round += 1) {
      end();
      await settled();
    }
    expect(await Promise.all(asked)).toHaveLength(5);
    expect(batches).toEqual([[1], [2, 3, 4], [5, 6], [7, 8, 9, 10, 11], [12]]);
  });

  it('fail together, and those after them are worked on', async () => {
    const { joined, end } = held();
    const first = joined.ask([1]);
    const [second, third] = [joined.ask([2]), joined.ask([3])];
    end();
    await first;
    await settled();
    end(new Error('away'));
    await expect(second).rejects.toThrow('away');
    await expect(third).rejects.toThrow('away');
    const fourth = joined.ask([4]);
    end();
    expect(await fourth).toEqual(['4']);
  });
});
