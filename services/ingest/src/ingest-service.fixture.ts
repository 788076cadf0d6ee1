import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import type { SourceWithToken } from '#contracts/http/ingest';
import type { BusMessage } from '#libs/bus';
import type { JsonObject } from '#libs/kernel';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { service as ingest } from './service';

/** A running ingest service for one spec file. */
export interface TestIngest {
  readonly service: RunningService;
  /** The variables that it was started with: for another instance. */
  readonly env: Readonly<Record<string, string>>;
  /** As the administrator. */
  asRoot(
    method: string,
    path: string,
    body?: JsonObject,
  ): Promise<{ readonly status: number; readonly body: JsonObject }>;
  register(name: string, format?: string): Promise<SourceWithToken>;
  /** What the source's alerts became on the bus, in order, opened. */
  published(sourceId: string): Promise<BusMessage[]>;
  /** The database as its owner. */
  ownerPool(): Pool;
  /** The values of a metric by their labels, as `{listener="a"}`. */
  metric(name: string): Promise<Readonly<Record<string, number>>>;
}

type Settings = Readonly<Record<string, string>>;

/** Starts the service on a database of its own before the tests of the file, and stops it after them. */
export function useIngestService(settings: Settings | (() => Promise<Settings>) = {}): () => TestIngest {
  const postgres = useMigratedPostgres(ingest);
  let issuer: TestIssuer;
  let service: RunningService;
  let data: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    issuer = await startTestIssuer();
    data = await mkdtemp(join(tmpdir(), 'countersign-ingest-'));
    env = {
      COUNTERSIGN_PROFILE: 'development',
      COUNTERSIGN_DATA: data,
      LEDGER_URL: postgres.appUrl,
      INGEST_PORT: '0',
      OIDC_ISSUER: issuer.url,
      ...(typeof settings === 'function' ? await settings() : settings),
    };
    service = await startService(ingest, { env, logger: createLogger('silent') });
  });
  afterAll(async () => {
    await service.stop();
    await issuer.stop();
    await rm(data, { recursive: true });
  });

  const asRoot: TestIngest['asRoot'] = async (method, path, body) => {
    const headers = { ...(await issuer.headersFor('root')), ...(body && { 'content-type': 'application/json' }) };
    const answer = await fetch(`${service.url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  };

  return () => ({
    service,
    env,
    asRoot,
    async register(name, format) {
      const { status, body } = await asRoot('POST', '/v1/sources', { name, ...(format && { format }) });
      expect(status).toBe(201);
      return body as unknown as SourceWithToken;
    },
    ownerPool: () => postgres.ownerPool(),
    async metric(name) {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
      return Object.fromEntries(
        lines.map((line) => {
          const [labels = '', value] = line.slice(name.length).split(' ');
          return [labels.replace(/,?service="ingest"/, ''), Number(value)];
        }),
      );
    },
    async published(sourceId) {
      const { rows } = await postgres
        .ownerPool()
        .query<{ message: BusMessage }>(
          `select message from bus.log where message -> 'data' ->> 'sourceId' = $1 order by position`,
          [sourceId],
        );
      return rows.map(({ message }) => service.context.personal.openMessage(message));
    },
  });
}
