import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryEventStore, type EventStore } from '#libs/event-store';
import { createLogger } from '#libs/service';
import { RULES_STREAM, RulesAdoption } from './rules-adoption';

const clock = { now: () => new Date('2026-11-24T10:00:01.000Z') };
const textOf = (...names: string[]) =>
  `minimumSeverity: low\nfallback: {windowMinutes: 5}\nrules:\n${names
    .map((name) => `  - {name: ${name}, keys: [host], windowMinutes: 5}`)
    .join('\n')}\n`;

describe('the rules that an instance decides by', () => {
  let folder: string;
  let file: string;
  let store: EventStore;
  const started: RulesAdoption[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-rules-'));
    file = join(folder, 'correlation.yaml');
    store = createMemoryEventStore();
  });
  afterEach(async () => {
    for (const one of started.splice(0)) await one.onModuleDestroy();
    rmSync(folder, { recursive: true });
  });

  /** Looks at its file when it is told to. */
  async function instance(path = file): Promise<RulesAdoption> {
    const logger = createLogger('silent');
    const one = new RulesAdoption({ store, clock, logger, file: path, everyMs: 3_600_000 });
    await one.onModuleInit();
    started.push(one);
    return one;
  }
  const adopted = async () =>
    (await store.readStream(RULES_STREAM.category, RULES_STREAM.stream)).map(({ data }) => [
      data['version'],
      data['digest'],
    ]);
  const namesOf = (one: RulesAdoption) => one.current().rules.rules.map(({ document }) => document.name);

  it('are recorded before they hold, with what they say', async () => {
    writeFileSync(file, textOf('a'));
    const one = await instance();
    const [event] = await store.readStream('correlation', 'correlation-rules');
    expect(event).toMatchObject({
      type: 'CorrelationRulesAdopted',
      data: {
        ...{ version: 1, digest: one.current().digest, instance: one.instance },
        rules: { minimumSeverity: 'low', suppress: { above: 1000 }, rules: [{ name: 'a' }] },
      },
    });
  });

  it('change with the file, however it is put in its place', async () => {
    // As Kubernetes mounts a ConfigMap: the file leads through a link to a folder, and that link is turned.
    for (const version of ['one', 'two']) mkdirSync(join(folder, version));
    writeFileSync(join(folder, 'one', 'rules.yaml'), textOf('a'));
    writeFileSync(join(folder, 'two', 'rules.yaml'), textOf('b'));
    symlinkSync('one', join(folder, 'data'));
    symlinkSync(join('data', 'rules.yaml'), file);
    const one = await instance();
    symlinkSync('two', join(folder, 'next'));
    renameSync(join(folder, 'next'), join(folder, 'data'));
    await one.look();
    expect(namesOf(one)).toEqual(['b']);

    // As an editor writes: a new file that takes the name.
    writeFileSync(join(folder, 'draft'), textOf('c'));
    renameSync(join(folder, 'draft'), file);
    await one.look();
    expect(namesOf(one)).toEqual(['c']);

    writeFileSync(file, textOf('d'));
    await one.look();
    expect([namesOf(one), (await adopted()).map(([version]) => version)]).toEqual([['d'], [1, 2, 3, 4]]);
  });

  it('are the same rules when comments alone have changed', async () => {
    writeFileSync(file, textOf('a'));
    const one = await instance();
    writeFileSync(file, `# why\n${textOf('a')}`);
    await one.look();
    expect(await adopted()).toHaveLength(1);
  });

  it('go on holding while the file is broken or away, which is said by line and field', async () => {
    writeFileSync(file, textOf('a'));
    const one = await instance();
    writeFileSync(file, textOf('a').replace('[host]', '[shoe]'));
    await one.look();
    expect(namesOf(one)).toEqual(['a']);
    expect(one.problem?.errors).toEqual([{ field: 'rules[0].keys[0]', reason: expect.stringMatching(/^line 4: /) }]);
    rmSync(file);
    await one.look();
    expect([namesOf(one), one.problem?.reason]).toEqual([['a'], expect.stringContaining('ENOENT')]);
    writeFileSync(file, textOf('a'));
    await one.look();
    expect([one.problem, await adopted()]).toEqual([undefined, [[1, one.current().digest]]]);
  });

  it('are those adopted last for an instance that starts on a broken file, and none without any', async () => {
    writeFileSync(file, 'rules: [');
    await expect(instance()).rejects.toMatchObject({ code: 'invalid_configuration' });
    writeFileSync(file, textOf('a'));
    await instance();
    writeFileSync(file, 'rules: [');
    const late = await instance();
    expect([namesOf(late), late.current().version, late.problem]).toMatchObject([['a'], 1, { errors: [{}] }]);
  });

  it('have a version each where two instances have different files, and one where they have the same', async () => {
    const other = join(folder, 'other.yaml');
    writeFileSync(file, textOf('a'));
    writeFileSync(other, textOf('b'));
    const [one, same, two] = await Promise.all([instance(), instance(), instance(other)]);
    const versions = await adopted();
    // The second to come may find the other's rules adopted last, and announces its own again.
    expect(new Set(versions.map(([, digest]) => digest)).size).toBe(2);
    expect(versions.map(([version]) => version)).toEqual(versions.map((_, at) => at + 1));
    for (const running of [one, same, two]) {
      const { version, digest } = running.current();
      expect(versions[version - 1]).toEqual([version, digest]);
    }
    expect([namesOf(one), namesOf(two)]).toEqual([['a'], ['b']]);
  });
});
