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
import { createLogger, type ServiceDefinition } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { service as approval } from '#services/approval';
import { service as cases } from '#services/case';
import { service as connector } from '#services/connector';
import { service as enrichment } from '#services/enrichment';
import { service as ingest } from '#services/ingest';
import { service as orchestrator } from '#services/playbook-orchestrator';
import { GOLDEN_VERSIONS, goldenStreams } from './golden-streams';

/** Of a definition, all that this needs; the types of their settings differ. */
type Following = Pick<ServiceDefinition, 'name' | 'entities' | 'migrations'> & {
  projections(parts: never): ReturnType<ServiceDefinition['projections']>;
};
/** With the tables that must have rows of it. */
const services: readonly { readonly service: Following; readonly tables: readonly string[] }[] = [
  { service: ingest, tables: ['source'] },
  { service: enrichment, tables: ['dataset'] },
  { service: cases, tables: ['case_summary', 'case_alert'] },
  { service: orchestrator, tables: ['playbook_version', 'run', 'run_step'] },
  { service: approval, tables: ['approval'] },
  { service: connector, tables: ['action', 'connection'] },
];
const postgres = useMigratedPostgres(...services.map(({ service }) => service));
const logger = createLogger('silent');

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

it.each(services)(
  'the read models of $service.name take in what every release has written',
  async ({ service, tables }) => {
    const schema = serviceSchema(service.name);
    const database = await new DataSource({
      type: 'postgres',
      url: postgres.appUrl,
      schema,
      entities: [...service.entities],
      extra: { options: `-c role=${serviceRole(service.name)}` },
    }).initialize();
    const jobs = new JobQueue({ database, schema, logger });
    // Jobs are all that projections are made of.
    const projections = service.projections({ jobs } as never);
    const runner = new ProjectionRunner({ store, database, schema, projections, logger });
    try {
      runner.start();
      expect(await runner.caughtUpWith(recorded)).toBe(true);
      expect(runner.troubles()).toEqual({});
      const filled = await withTenant(database, ALL_TENANTS, async (tx) => {
        const names: string[] = [];
        for (const { target, tableName } of database.entityMetadatas)
          if (await tx.existsBy(target, {})) names.push(tableName);
        return names;
      });
      expect(filled).toEqual(expect.arrayContaining([...tables]));
    } finally {
      await runner.stop();
      await database.destroy();
    }
  },
);
