import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '#libs/kernel';
import { runTypeScript } from '#libs/testing';
import { useArchivedLedger } from './archived-ledger.fixture';

const ledger = useArchivedLedger();
const { append, cover, archive, whole, folder } = ledger;

/** Archives, tells each step, and hangs for ever after the one that it is told. */
const PROGRAM = `
  const { Pool } = require('pg');
  const { archiveShelf, cutOf, planShelves } = require('#libs/archive');
  const pool = new Pool({ connectionString: process.env.URL });
  (async () => {
    const cut = await cutOf(pool, 400);
    for (const plan of await planShelves(pool, 400)) {
      if (!plan.isReady || plan.category !== 'alert') continue;
      await archiveShelf(plan, { pool, folder: process.env.FOLDER, cut, onStep: async (step) => {
        console.log(plan.shelf + ' ' + step);
        if (step === process.env.STOP) await new Promise(() => setInterval(() => undefined, 1000));
      } });
    }
  })();
`;

describe('an archivist that is killed -9', () => {
  const streams = [1, 2, 3, 4].map(() => `alert-${newId()}`);

  it.each([
    ['exported', 202501],
    ['verified', 202505],
    ['noted', 202401],
    ['dropped', 202405],
  ] as const)('after it has %s loses nothing', async (stop, shelf) => {
    await ledger.makeShelvesFrom(shelf);
    for (const stream of streams) await append(stream, 2, shelf);
    await append('case-1', 1, undefined, 'case');
    await cover();
    const before = await whole();
    const path = join(folder, `alert-${shelf}.ndjson.gz`);

    const child = runTypeScript(PROGRAM, { URL: ledger.postgres.archivistUrl, FOLDER: folder, STOP: stop });
    while (!(await child.nextLine()).endsWith(stop));
    child.kill('SIGKILL');
    await child.ended();
    expect(existsSync(path)).toBe(true);
    const written = statSync(path).mtimeMs;
    expect(await whole()).toEqual(before);

    // Who appends meanwhile goes on, too.
    const [first = ''] = streams;
    await append(first, 1);
    await cover();
    const now = await whole();
    await archive();
    expect(await whole()).toEqual(now);
    if (stop === 'dropped') expect(statSync(path).mtimeMs).toBe(written);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
    for (const stream of streams) {
      const history = await ledger.reader().readStream('alert', stream);
      expect(history.map(({ version }) => version)).toEqual(history.map((_, index) => index + 1));
    }
  });
});
