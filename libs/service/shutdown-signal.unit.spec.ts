import { untilSignalled } from './shutdown-signal';

const never = new Promise<never>(() => undefined);

describe('untilSignalled', () => {
  it('is what the work comes to while no signal comes', async () => {
    await expect(untilSignalled(never, () => Promise.resolve('done'))).resolves.toBe('done');
    await expect(untilSignalled(never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });

  it('gives the work up at a signal, and names it', async () => {
    await expect(untilSignalled(Promise.resolve('SIGTERM'), () => never)).rejects.toThrow('ended by SIGTERM');
  });
});
