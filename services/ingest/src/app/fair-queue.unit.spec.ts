import { FairQueue } from './fair-queue';

const drained = (queue: FairQueue<string>): string[] => {
  const items: string[] = [];
  while (queue.size > 0) items.push(queue.shift() ?? '');
  return items;
};

describe('a fair queue', () => {
  it('lets those who wait take turns, each in the order of its own', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2', 'a3', 'b1', 'a4', 'b2', 'c1']) queue.push(item.slice(0, 1), item);
    expect(drained(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
    expect(queue.shift()).toBeUndefined();
  });

  it('gives no second turn to who comes back while others wait', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'b1']) queue.push(item.slice(0, 1), item);
    expect(queue.next).toBe('a1');
    expect(queue.shift()).toBe('a1');
    expect(queue.next).toBe('b1');
    queue.push('a', 'a2');
    expect(drained(queue)).toEqual(['b1', 'a2']);
  });

  it('forgets what was taken back, once', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2', 'b1']) queue.push(item.slice(0, 1), item);
    queue.remove('a', 'a1');
    queue.remove('a', 'a1');
    queue.remove('c', 'c1');
    queue.remove('b', 'b1');
    expect(queue.size).toBe(1);
    expect(drained(queue)).toEqual(['a2']);
  });
});
