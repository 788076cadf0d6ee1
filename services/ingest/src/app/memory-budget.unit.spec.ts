import { counted, MemoryBudget } from './memory-budget';

describe('the memory of all bodies', () => {
  it('is refused beyond its limit, and free again when a request ends', () => {
    const budget = new MemoryBudget(100);
    const [first, second] = [budget.open('a'), budget.open('b')];
    first.add(60);
    second.add(40);
    expect(() => second.add(1)).toThrow(expect.objectContaining({ code: 'service_unavailable', field: 'body' }));
    first.release();
    first.release();
    second.add(40);
    expect(() => first.add(21)).toThrow();
    second.release();
    first.add(80);
    first.release();
    second.add(80);
  });

  it('is never all of one source: another finds room beside it', () => {
    const budget = new MemoryBudget(160);
    const [first, second, other] = [budget.open('a'), budget.open('a'), budget.open('b')];
    first.add(100);
    second.add(40);
    expect(() => first.add(1)).toThrow(expect.objectContaining({ code: 'service_unavailable' }));
    other.add(20);
    second.release();
    first.add(40);
  });

  it('lets who can be held back wait for room, one after another, and not for ever', async () => {
    const budget = new MemoryBudget(100);
    const [first, second, third] = [budget.open('a'), budget.open('b'), budget.open('c')];
    first.add(80);
    const entered: string[] = [];
    const large = second.addInTime(60, 60_000).then(() => entered.push('large'));
    const small = third.addInTime(30, 60_000).then(() => entered.push('small'));
    expect(await budget.open('d').addInTime(30, 1)).toBe(false);
    first.release(40);
    await large;
    expect(entered).toEqual(['large']);
    first.release();
    await small;
    expect(() => first.add(11)).toThrow();
    first.add(10);
  });

  it('is counted as a body arrives', async () => {
    const budget = new MemoryBudget(12);
    async function* body() {
      for (;;) yield Buffer.alloc(4);
    }
    const share = budget.open('a');
    let seen = 0;
    const reading = (async () => {
      for await (const chunk of counted(body(), share)) seen += chunk.length;
    })();
    await expect(reading).rejects.toMatchObject({ code: 'service_unavailable' });
    expect(seen).toBe(8);
  });
});
