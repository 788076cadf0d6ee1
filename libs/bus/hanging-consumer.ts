import { Pool } from 'pg';
import pino from 'pino';
import { createMemoryEventStore } from '#libs/event-store';
import { createBus } from './create-bus';
import type { KafkaSettings } from './kafka-transport/kafka-settings';
import { ALERTS_TOPIC, type BatchHandler } from './port';

/** Of a process that a test kills between handling and recording. */
export interface HangingConsumerOptions {
  readonly databaseUrl: string;
  readonly kafka?: KafkaSettings;
}

/** Prints the key of every alert that it is handed, and never answers. */
function run({ databaseUrl, kafka }: HangingConsumerOptions): void {
  const bus = createBus({
    kind: kafka ? 'kafka' : 'postgres',
    service: 'case',
    store: createMemoryEventStore(),
    pool: new Pool({ connectionString: databaseUrl }),
    kafka,
    logger: pino({ level: 'warn' }, pino.destination(2)),
  });
  const handler: BatchHandler = (messages) => {
    for (const { key } of messages) process.stdout.write(`${key}\n`);
    return new Promise(() => undefined);
  };
  bus.server().addHandler(ALERTS_TOPIC, handler, true, {});
  bus.server().listen(() => undefined);
}

run(JSON.parse(process.argv[2] ?? '{}'));
