import { Client, Pool } from 'pg';
import { DataSource } from 'typeorm';
import type { ServiceName } from '#contracts/envelope';
import {
  ALERTS_TOPIC,
  type Bus,
  type BusMessage,
  createBus,
  createRelay,
  done,
  eventTopic,
  type KafkaSettings,
  type Outcome,
  type Relay,
} from '#libs/bus';
import {
  APP_ROLE,
  createPostgresEventStore,
  type EventStore,
  NO_STREAM,
  OWNER_ROLE,
  type RecordedEvent,
  serviceRole,
} from '#libs/event-store';
import { newId } from '#libs/kernel';
import type { EmbeddedPostgres } from '#libs/local';
import { ProjectionRunner } from '#libs/read-model';
import { createLogger } from '#libs/service';

export const PASSWORD = 'restore';
export const DATABASE = 'countersign';
const logger = createLogger('silent');

/** What each follower got, in the order in which it got it, on whatever server: `case-1 v3`, or an alert's name. */
export class Followed {
  readonly handled: string[] = [];
  /** The ids of what was handled. */
  readonly handledIds: string[] = [];
  readonly received: string[] = [];
  readonly live: string[] = [];
}

export const nameOf = ({ stream, version }: Pick<RecordedEvent, 'stream' | 'version'>): string =>
  `${stream} v${version}`;

/** The logins of a server's ledger. */
export const urlsOf = (server: EmbeddedPostgres, database = DATABASE) => ({
  owner: server.url(database, OWNER_ROLE, PASSWORD),
  app: server.url(database, APP_ROLE, PASSWORD),
  service: (service: ServiceName) => server.url(database, serviceRole(service), PASSWORD),
});
export type Urls = ReturnType<typeof urlsOf>;

export interface SiteOptions {
  readonly urls: Urls;
  readonly followed: Followed;
  /** What becomes of an alert; done by default. */
  readonly outcome?: (alert: string) => Outcome;
  /** The bus is there, with a relay to it; on PostgreSQL by default. */
  readonly kafka?: KafkaSettings;
}

/**
 * Countersign's ledger on one server, with one follower of each kind: a handler of event messages, a handler of
 * messages that lie on the bus alone, a read model (`svc_case.followed`), and who reads on from a cursor of their own.
 */
export class Site {
  readonly urls: Urls;
  private readonly followed: Followed;
  private readonly pools: Pool[] = [];
  private readonly consumers: Bus[] = [];
  private readonly cases: EventStore;
  private ingest: Bus | undefined;
  private relay: { readonly relay: Relay; readonly bus: Bus } | undefined;
  private projections: ProjectionRunner | undefined;
  private database: DataSource | undefined;

  constructor(private readonly options: SiteOptions) {
    this.urls = options.urls;
    this.followed = options.followed;
    this.cases = createPostgresEventStore({ connection: { connectionString: this.urls.service('case') } });
  }

  get store(): EventStore {
    return this.cases;
  }

  async follow(): Promise<void> {
    const { outcome = () => done } = this.options;
    await this.consume('playbook-orchestrator', eventTopic('case'), ({ id, key, streamVersion }) => {
      this.followed.handled.push(`${key} v${streamVersion}`);
      this.followed.handledIds.push(id);
      return done;
    });
    await this.consume('enrichment', ALERTS_TOPIC, ({ id }) => {
      const answer = outcome(id);
      if (answer.kind === 'done') this.followed.received.push(id);
      return answer;
    });
    if (this.options.kafka) this.startRelay();
    await this.startReadModel();
  }

  /** Publishes what is recorded, while nobody handles it. */
  async relayAll(): Promise<void> {
    const relay = this.startRelay();
    while ((await relay.lag()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await this.stopFollowing();
  }

  private startRelay(): Relay {
    const { bus, pool } = this.bus('ledger');
    const store = createPostgresEventStore({ pool });
    const relay = createRelay({ store, publisher: bus.publisher, pool, logger });
    relay.start();
    this.relay = { relay, bus };
    return relay;
  }

  private async startReadModel(): Promise<void> {
    this.database = await new DataSource({ type: 'postgres', url: this.urls.service('case') }).initialize();
    const schema = 'svc_case';
    const readModel = {
      name: 'followed',
      categories: ['case'] as const,
      apply: async (
        events: readonly RecordedEvent[],
        tx: { query(sql: string, values: unknown[]): Promise<unknown> },
      ) => {
        for (const event of events)
          await tx.query(`insert into ${schema}.followed (name) values ($1)`, [nameOf(event)]);
      },
      entities: [],
    };
    const { store, database } = this;
    const projections = new ProjectionRunner({ store, database, schema, projections: [readModel], logger, pollMs: 20 });
    projections.start();
    this.projections = projections;
  }

  /** Appends one event to the end of the stream. */
  async append(stream: string): Promise<RecordedEvent> {
    const expected = (await this.cases.heads('case', [stream])).get(stream) ?? NO_STREAM;
    const event = {
      id: newId(),
      type: 'CaseNoteAdded',
      schemaVersion: 1,
      time: new Date().toISOString(),
      actor: { kind: 'human', id: 'arno' },
      data: { text: 'seen' },
      meta: { correlationId: stream },
    } as const;
    const result = await this.cases.append([
      { category: 'case', stream, tenant: 'default', expected, events: [event] },
    ]);
    const recorded = result.status === 'appended' ? result.events[0] : undefined;
    if (!recorded) throw new Error(`an append to ${stream} ended as ${result.status}`);
    return recorded;
  }

  async publish(alert: string): Promise<void> {
    this.ingest ??= this.bus('ingest').bus;
    await this.ingest.publisher.publish([
      {
        topic: ALERTS_TOPIC,
        key: alert.split('-')[0] ?? alert,
        id: alert,
        type: 'AlertReceived',
        source: '/countersign/ingest',
        time: new Date().toISOString(),
        tenant: 'default',
        schemaVersion: 1,
        actor: { kind: 'source', id: 'siem' },
        correlationId: alert,
        data: {},
      },
    ]);
  }

  /** Everything after the cursor, for `followed.live`; returns the cursor after it. */
  async readOn(cursor: string | undefined): Promise<string | undefined> {
    for (;;) {
      const page = await this.cases.readAfter(cursor, { categories: ['case'], limit: 3 });
      if (page.events.length === 0) return cursor;
      this.followed.live.push(...page.events.map(nameOf));
      ({ cursor } = page);
    }
  }

  async readModel(): Promise<string[]> {
    const { rows } = await this.asOwner<{ name: string }>('select name from svc_case.followed order by place');
    return rows.map(({ name }) => name);
  }

  async asOwner<Row extends Record<string, unknown>>(sql: string) {
    const client = new Client({ connectionString: this.urls.owner });
    await client.connect();
    try {
      return await client.query<Row>(sql);
    } finally {
      await client.end();
    }
  }

  async stopFollowing(): Promise<void> {
    await this.relay?.relay.stop();
    await Promise.all([...this.consumers.map((bus) => bus.stop()), this.relay?.bus.stop(), this.projections?.stop()]);
    await this.database?.destroy();
    this.database = undefined;
  }

  async stop(): Promise<void> {
    await this.stopFollowing();
    await this.ingest?.stop();
    await this.cases.close();
    await Promise.all(this.pools.map((pool) => pool.end()));
  }

  private async consume(service: ServiceName, topic: string, handle: (message: BusMessage) => Outcome): Promise<void> {
    const { bus } = this.bus(service);
    this.consumers.push(bus);
    const server = bus.server();
    server.addHandler(topic, (messages: BusMessage[]) => Promise.resolve(messages.map(handle)), true, { batch: 3 });
    await new Promise<void>((resolve, reject) => {
      server.listen((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  private bus(service: ServiceName): { bus: Bus; pool: Pool } {
    const { kafka } = this.options;
    const pool = new Pool({ connectionString: this.urls.service(service), max: 4 });
    pool.on('error', () => undefined);
    this.pools.push(pool);
    const store = createPostgresEventStore({ pool });
    return { bus: createBus({ kind: kafka ? 'kafka' : 'postgres', service, store, pool, kafka, logger }), pool };
  }
}
