import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import Type from 'typebox';
import { repositoryRoot } from '#libs/local';
import type { Protocol } from '#contracts/http/endpoint';
import type { DomainError } from '#libs/kernel';
import type { ServiceContext } from '#libs/service';
import { SecretFiles } from '#libs/egress';
import {
  defineService,
  ForeignProtocols,
  type ForeignAnswer,
  ServiceMetrics,
  SourceTokenVerifier,
} from '#libs/service';
import { clustersInTheOpen, readKafkaSources } from './adapters/kafka-sources-file';
import { readMappings } from './adapters/mapping-folder';
import { openListeners, readSyslogListeners } from './adapters/syslog/syslog-file';
import { observeAccount } from './app/account-metrics';
import { AccountController } from './app/account.controller';
import { AlertIntakeDesk, BATCH_COUNT } from './app/alert-intake';
import { AlertPublisher } from './app/alert-publisher';
import { AlertsController } from './app/alerts.controller';
import { ElasticBulkController } from './app/elastic-bulk.controller';
import { KafkaSources } from './app/kafka-sources';
import { LaneChoice } from './app/lane-choice';
import { MemoryBudget } from './app/memory-budget';
import { ErasureReaction } from './app/erasure.reaction';
import { otlpAnswer } from './app/otlp-answer';
import { OtlpController } from './app/otlp.controller';
import { OriginalsController } from './app/originals.controller';
import { PollWorker } from './app/poll-worker';
import { ReceiptBook } from './app/receipt-book';
import { ReceiptTrimming } from './app/receipt-trimming';
import { SourceAllowance } from './app/source-allowance';
import { SourceDirectory } from './app/source-directory';
import { SourceRegistry } from './app/source-registry';
import { SourcesController } from './app/sources.controller';
import { SplunkHecController } from './app/splunk-hec.controller';
import { SyslogListeners } from './app/syslog/syslog-listeners';
import { FormatRegistry } from './domain/formats/format-registry';
import { elasticAnswer } from './domain/elastic-error';
import { hecAnswer } from './domain/hec-error';
import { Account } from './read/account';
import { Originals1764500000000 } from './read/migrations/1764500000000-originals';
import { Polls1764650000000 } from './read/migrations/1764650000000-polls';
import { Originals } from './read/originals';
import { PollRow } from './read/poll.entity';
import { pollProjection } from './read/poll.projection';
import { PollRuns } from './read/poll-runs';
import { SourcesAndAccount1764000000000 } from './read/migrations/1764000000000-sources-and-account';
import { ReceiptRoom1764700000000 } from './read/migrations/1764700000000-receipt-room';
import { ReceiptAge1764300000000 } from './read/migrations/1764300000000-receipt-age';
import { SourceSettings1764400000000 } from './read/migrations/1764400000000-source-settings';
import { SourceTokenRow } from './read/source-token.entity';
import { SourceRow } from './read/source.entity';
import { sourceProjection } from './read/source.projection';

const config = Type.Object({
  /** Mappings of further alert formats, a YAML file each. */
  COUNTERSIGN_MAPPINGS_DIR: Type.String({
    minLength: 1,
    default: join(repositoryRoot, 'services', 'ingest', 'mappings'),
  }),
  /** Topics of other people's Kafka clusters that alerts are taken from, a YAML file. */
  COUNTERSIGN_KAFKA_SOURCES_FILE: Type.Optional(Type.String({ minLength: 1 })),
  /** Batches of 500 alerts that may be on their way to the bus at once. */
  INGEST_IN_FLIGHT: Type.Integer({ minimum: 1, maximum: 1000, default: 8 }),
  /** Megabytes of alerts, as they are sent, that all requests together may have in memory. */
  INGEST_BODY_MEMORY_MB: Type.Integer({ minimum: 16, maximum: 65_536, default: 128 }),
  /** Grave alerts of one source that travel in the urgent lane each second; ten times as many at once. */
  INGEST_URGENT_PER_SECOND: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 20 }),
  /** Other alerts of one source that travel in the ordinary lane each second, likewise; the rest goes in bulk. */
  INGEST_ORDINARY_PER_SECOND: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 200 }),
  /** Milliseconds that a batch waits for its turn, and again for the bus, before its sender gets a 503. */
  INGEST_BUS_TIMEOUT_MS: Type.Integer({ minimum: 100, maximum: 120_000, default: 10_000 }),
  /** Where syslog is listened for, and who may send: YAML. Without it, nowhere. */
  INGEST_SYSLOG_FILE: Type.Optional(Type.String({ minLength: 1 })),
  /** Folder of the files that `secret://name@version` references name; `secrets` in COUNTERSIGN_DATA by default. */
  COUNTERSIGN_SECRETS_DIR: Type.Optional(Type.String({ minLength: 1 })),
  /** Sources that this instance polls at once. */
  INGEST_POLL_CONCURRENCY: Type.Integer({ minimum: 1, maximum: 100, default: 16 }),
  /** Milliseconds after which the poll of an instance that was killed is taken over. */
  INGEST_POLL_LEASE_MS: Type.Integer({ minimum: 500, maximum: 600_000, default: 10_000 }),
});

/** Accepts alerts, normalizes them, and gives account of every one. */
export const service = defineService({
  name: 'ingest',
  port: 8081,
  config,
  entities: [SourceRow, SourceTokenRow, PollRow],
  migrations: [
    SourcesAndAccount1764000000000,
    ReceiptAge1764300000000,
    SourceSettings1764400000000,
    Originals1764500000000,
    Polls1764650000000,
    ReceiptRoom1764700000000,
  ],
  refuseInProduction: ({ INGEST_SYSLOG_FILE, COUNTERSIGN_KAFKA_SOURCES_FILE }) => [
    ...openListeners(readSyslogListeners(INGEST_SYSLOG_FILE)),
    ...clustersInTheOpen(readKafkaSources(COUNTERSIGN_KAFKA_SOURCES_FILE)),
  ],
  projections: ({ jobs }) => [sourceProjection, pollProjection(jobs)],
  module: (context) => ({
    module: IngestModule,
    controllers: [
      AlertsController,
      OriginalsController,
      SplunkHecController,
      ElasticBulkController,
      OtlpController,
      SourcesController,
      AccountController,
      ErasureReaction,
    ],
    providers: providersOf(context),
  }),
});

class IngestModule {}

function answerOf(protocol: Protocol, error: DomainError, request: IncomingHttpHeaders): ForeignAnswer {
  switch (protocol) {
    case 'splunk-hec':
      return hecAnswer(error);
    case 'elastic-bulk':
      return elasticAnswer(error);
    case 'otlp':
      return otlpAnswer(error, request);
  }
}

function providersOf(context: ServiceContext<Type.Static<typeof config>>) {
  const { store, snapshots, database, readModels, publisher, clock, settings } = context;
  const timeout = context.config.INGEST_BUS_TIMEOUT_MS;
  const formats = new FormatRegistry(readMappings(context.config.COUNTERSIGN_MAPPINGS_DIR));
  const originals = new Originals(database);
  const limits = {
    memory: new MemoryBudget(context.config.INGEST_BODY_MEMORY_MB * 1024 * 1024),
    allowance: new SourceAllowance(),
  };
  const polls = new PollRuns(database);
  const secrets = new SecretFiles(context.config.COUNTERSIGN_SECRETS_DIR ?? join(settings.dataFolder, 'secrets'));
  const account = new Account(database);
  observeAccount(context.metrics, account);
  const clusters = readKafkaSources(context.config.COUNTERSIGN_KAFKA_SOURCES_FILE);
  for (const { format } of clusters.flatMap(({ topics }) => topics)) {
    if (format !== undefined) formats.named(format, 'COUNTERSIGN_KAFKA_SOURCES_FILE');
  }
  const directory = new SourceDirectory(database);
  const lanes = new LaneChoice({
    urgentPerSecond: context.config.INGEST_URGENT_PER_SECOND,
    ordinaryPerSecond: context.config.INGEST_ORDINARY_PER_SECOND,
  });
  const toBus = new AlertPublisher(publisher, lanes, {
    inFlight: context.config.INGEST_IN_FLIGHT * BATCH_COUNT,
    waitMs: timeout,
    publishMs: timeout,
  });
  const receipts = new ReceiptBook(account);
  const desk = new AlertIntakeDesk(formats, toBus, { originals, receipts }, limits, clock);
  const listeners = readSyslogListeners(context.config.INGEST_SYSLOG_FILE);
  return [
    { provide: SourceDirectory, useValue: directory },
    { provide: SourceTokenVerifier, useExisting: SourceDirectory },
    { provide: ForeignProtocols, useValue: { answer: answerOf } },
    { provide: AlertPublisher, useValue: toBus },
    { provide: Account, useValue: account },
    { provide: ReceiptBook, useValue: receipts },
    { provide: ReceiptTrimming, useValue: new ReceiptTrimming(context, account) },
    { provide: Originals, useValue: originals },
    { provide: AlertIntakeDesk, useValue: desk },
    {
      provide: SyslogListeners,
      useValue: new SyslogListeners(context, listeners, { desk, directory, memory: limits.memory }),
    },
    {
      provide: KafkaSources,
      useValue: new KafkaSources(clusters, { ...context, desk, directory, secrets }),
    },
    {
      provide: SourceRegistry,
      useValue: new SourceRegistry(store, snapshots, database, readModels, directory, formats, polls, clock),
    },
    {
      provide: PollWorker,
      useFactory: (metrics: ServiceMetrics) =>
        new PollWorker(context, { desk, secrets }, polls, metrics, {
          leaseMs: context.config.INGEST_POLL_LEASE_MS,
          concurrency: context.config.INGEST_POLL_CONCURRENCY,
        }),
      inject: [ServiceMetrics],
    },
  ];
}
