import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import {
  createPostgresEventStore,
  interpreting,
  NO_STREAM,
  type RecordedEvent,
  serviceRole,
  serviceSchema,
} from '#libs/event-store';
import { rebuildable, rebuildReadModel } from '#libs/local';
import { asRead, KeyRing, PersonalData } from '#libs/personal-data';
import { NO_JOBS, ProjectionRunner } from '#libs/read-model';
import { createLogger } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { definitions } from '../../services/all-in-one/src/services';
import { GOLDEN_VERSIONS, goldenStreams } from '../golden/golden-streams';

const postgres = useMigratedPostgres(...definitions);
const logger = createLogger('silent');
const readModels = definitions.flatMap((service) =>
  rebuildable(service).map((projection) => ({ service, name: service.name, projection })),
);
const SEALED = /1\.[\w-]{8}\.([0-9a-f]{14})\./g;

/** Everything that was ever personal is sealed, followed by each service as it runs, and then erased. */
describe('after the personal data of the whole ledger was erased', () => {
  let folder: string;
  let ring = KeyRing.create();
  let erasedKeys: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countersign-erased-'));
    const stored = createPostgresEventStore({ pool: postgres.ownerPool() });
    const store = interpreting(stored, asRead(new PersonalData(() => ring)));
    const groups = GOLDEN_VERSIONS.flatMap(goldenStreams).flatMap(({ name, events }) => {
      const [first] = events;
      if (!first) return [];
      const { category, tenant } = first;
      return [[{ category, stream: name, tenant, expected: NO_STREAM, events }]];
    });
    const events = (await store.appendMany(groups)).flatMap((result) =>
      result.status === 'appended' ? result.events : [],
    );
    for (const service of definitions) await follow(service, store, events);
    const raw = (await stored.readAfter(undefined, { limit: events.length })).events;
    const leaves = [...JSON.stringify(raw).matchAll(SEALED)].flatMap(([, leaf]) => leaf ?? []);
    ring = ring.without([...new Set(leaves)], null);
    erasedKeys = join(folder, 'erased.json');
    await writeFile(erasedKeys, JSON.stringify(ring));
    await stored.close();
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function follow(
    service: (typeof definitions)[number],
    store: ReturnType<typeof interpreting>,
    events: readonly RecordedEvent[],
  ): Promise<void> {
    const schema = serviceSchema(service.name);
    const database = await new DataSource({
      type: 'postgres',
      url: postgres.appUrl,
      schema,
      entities: [...service.entities],
      extra: { options: `-c role=${serviceRole(service.name)}` },
    }).initialize();
    const runner = new ProjectionRunner({
      store,
      database,
      schema,
      projections: service.projections({ jobs: NO_JOBS }),
      logger,
    });
    runner.start();
    expect(await runner.caughtUpWith(events, 20_000)).toBe(true);
    await runner.stop();
    await database.destroy();
  }

  it.each(readModels)('$projection of $name can be rebuilt, and shows none of it', async ({ service, projection }) => {
    const options = { url: postgres.ownerUrl, service, projection, personalKeysFile: erasedKeys };
    expect(await rebuildReadModel(options)).toMatchObject({ outcome: 'replaced' });
    expect(await rebuildReadModel({ ...options, dryRun: true })).toMatchObject({ equal: true });
  });

  it('no table of any service names anybody', async () => {
    const names = ['ines', 'adam', 'olivia', 'm.keller'];
    const { rows: tables } = await postgres.ownerPool().query<{ name: string }>(
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_schema = 'ledger' or table_schema like 'svc%'`,
    );
    expect(tables.length).toBeGreaterThan(20);
    for (const { name } of tables) {
      const { rows } = await postgres.ownerPool().query<{ text: string }>(`select t::text as text from ${name} t`);
      const text = rows.map((row) => row.text).join('\n');
      expect({ name, shown: names.filter((person) => new RegExp(`\\b${person}\\b`).test(text)) }).toEqual({
        name,
        shown: [],
      });
    }
  });
});
