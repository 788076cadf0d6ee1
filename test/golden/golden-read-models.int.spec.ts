import { DataSource } from 'typeorm';
import {
  createMemoryEventStore,
  NO_STREAM,
  type RecordedEvent,
  serviceRole,
  serviceSchema,
  upcasting,
} from '#libs/event-store';
import { JobQueue } from '#libs/jobs';
import { ALL_TENANTS, ProjectionRunner, withTenant } from '#libs/read-model';
import { createLogger } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { service as approval } from '#services/approval';
import { service as cases } from '#services/case';
import { service as connector } from '#services/connector';
import { service as enrichment } from '#services/enrichment';
import { service as ingest } from '#services/ingest';
import { service as orchestrator } from '#services/playbook-orchestrator';
import { GOLDEN_VERSIONS, goldenStreams } from './golden-streams';

const services = [ingest, enrichment, cases, orchestrator, approval, connector];
const postgres = useMigratedPostgres(...services);
const logger = createLogger('silent');

/** What no release has written events for yet, by service. */
const WITHOUT_ROWS: Readonly<Record<string, readonly string[]>> = { ingest: ['PollRow'] };

const store = upcasting(createMemoryEventStore());
const recorded: RecordedEvent[] = [];

beforeAll(async () => {
  for (const { name, events } of GOLDEN_VERSIONS.flatMap(goldenStreams)) {
    const [first] = events;
    if (!first) continue;
    const { category, tenant } = first;
    const result = await store.append([{ category, stream: name, tenant, expected: NO_STREAM, events }]);
    if (result.status === 'appended') recorded.push(...result.events);
  }
});

it.each(services)('the read models of $name take in what every release has written', async (service) => {
  const schema = serviceSchema(service.name);
  const database = await new DataSource({
    type: 'postgres',
    url: postgres.appUrl,
    schema,
    entities: [...service.entities],
    extra: { options: `-c role=${serviceRole(service.name)}` },
  }).initialize();
  const projections = service.projections({ jobs: new JobQueue({ database, schema, logger }) });
  const runner = new ProjectionRunner({ store, database, schema, projections, logger });
  try {
    runner.start();
    expect(await runner.caughtUpWith(recorded)).toBe(true);
    expect(runner.troubles()).toEqual({});
    const empty = await withTenant(database, ALL_TENANTS, async (tx) => {
      const names: string[] = [];
      for (const entity of projections.flatMap(({ entities }) => entities)) {
        if (!(await tx.existsBy(entity, {}))) names.push(entity.name);
      }
      return names;
    });
    expect(empty).toEqual(WITHOUT_ROWS[service.name] ?? []);
  } finally {
    await runner.stop();
    await database.destroy();
  }
});
