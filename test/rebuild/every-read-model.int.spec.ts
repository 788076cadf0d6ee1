import { DataSource } from 'typeorm';
import { createPostgresEventStore, NO_STREAM, serviceRole, serviceSchema, upcasting } from '#libs/event-store';
import { rebuildable, rebuildReadModel } from '#libs/local';
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

/** What every release has written, followed by each service as it runs. */
beforeAll(async () => {
  const stored = createPostgresEventStore({ pool: postgres.ownerPool() });
  const groups = GOLDEN_VERSIONS.flatMap(goldenStreams).flatMap(({ name, events }) => {
    const [first] = events;
    if (!first) return [];
    const { category, tenant } = first;
    return [[{ category, stream: name, tenant, expected: NO_STREAM, events }]];
  });
  const events = (await stored.appendMany(groups)).flatMap((result) =>
    result.status === 'appended' ? result.events : [],
  );
  for (const service of definitions) {
    const schema = serviceSchema(service.name);
    const database = await new DataSource({
      type: 'postgres',
      url: postgres.appUrl,
      schema,
      entities: [...service.entities],
      extra: { options: `-c role=${serviceRole(service.name)}` },
    }).initialize();
    const projections = service.projections({ jobs: NO_JOBS });
    const runner = new ProjectionRunner({ store: upcasting(stored), database, schema, projections, logger });
    runner.start();
    expect(await runner.caughtUpWith(events, 20_000)).toBe(true);
    await runner.stop();
    await database.destroy();
  }
  await stored.close();
});

/** What no release has written events for yet. */
const WITHOUT_ROWS = new Set(['polls']);

it.each(readModels)(
  '$projection of $name gives the same rows, however its events are split in batches (invariant 1)',
  async ({ service, projection }) => {
    for (const batch of [1, 7]) {
      const report = await rebuildReadModel({
        ...{ url: postgres.ownerUrl, service, projection, batch },
        personalKeysFile: undefined,
      });
      expect(report).toMatchObject({ outcome: 'replaced', equal: true });
      expect(report.events).toBeGreaterThan(0);
      const rows = Math.max(...report.tables.map(({ rows }) => rows.after));
      expect([projection, rows > 0]).toEqual([projection, !WITHOUT_ROWS.has(projection)]);
    }
  },
);
