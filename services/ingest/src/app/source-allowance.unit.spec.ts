import { SourceAllowance } from './source-allowance';

function allowance() {
  const clock = { now: 0, pauses: [] as number[] };
  const wait = (ms: number) => {
    clock.pauses.push(ms);
    clock.now += ms;
    return Promise.resolve();
  };
  return { clock, source: new SourceAllowance(() => clock.now, wait) };
}

const perSecond = (alertsPerSecond: number | null, bytesPerSecond: number | null = null) => ({
  alertsPerSecond,
  bytesPerSecond,
});

describe('what a source may send', () => {
  it('is without a limit where none is set', async () => {
    const { source } = allowance();
    for (let count = 0; count < 10; count += 1) await source.take('a', perSecond(null), 1e9, 1e9, false);
  });

  it('is a share for each second, of which a batch may take more than there is, once', async () => {
    const { clock, source } = allowance();
    await source.take('a', perSecond(10), 25, 0, false);
    await expect(source.take('a', perSecond(10), 1, 0, false)).rejects.toMatchObject({
      code: 'throttled',
      retryAfterSeconds: 2,
    });
    clock.now += 1_501;
    await source.take('a', perSecond(10), 1, 0, false);
    // Another source has its own.
    await source.take('b', perSecond(10), 1, 0, false);
  });

  it('is counted in bytes too', async () => {
    const { source } = allowance();
    await source.take('a', perSecond(null, 1_000), 1, 5_000, false);
    await expect(source.take('a', perSecond(null, 1_000), 1, 1, false)).rejects.toMatchObject({ retryAfterSeconds: 4 });
  });

  it('holds a body back that is under way, and gives it up only where that takes long', async () => {
    const { clock, source } = allowance();
    await source.take('a', perSecond(10), 60, 0, false);
    await source.take('a', perSecond(10), 500, 0, true);
    expect(clock.pauses).toEqual([5_000]);
    await expect(source.take('a', perSecond(10), 1, 0, true)).rejects.toMatchObject({ retryAfterSeconds: 50 });
  });

  it('is charged without being asked, and asked for it later', async () => {
    const { clock, source } = allowance();
    await source.take('a', perSecond(10), 0, 0, false);
    source.charge('a', perSecond(10), 30, 0);
    source.charge('a', perSecond(10), 30, 0);
    expect(clock.pauses).toEqual([]);
    await expect(source.take('a', perSecond(10), 0, 0, false)).rejects.toMatchObject({ retryAfterSeconds: 5 });
  });

  it('follows the settings when they change', async () => {
    const { source } = allowance();
    await source.take('a', perSecond(1), 100, 0, false);
    await source.take('a', perSecond(null), 100, 0, false);
    await source.take('a', perSecond(1), 1, 0, false);
  });
});
