import { runTypeScript, type TypeScriptChild } from '#libs/testing';
import type { KafkaSettings } from '../kafka-transport/kafka-settings';

export interface HangingConsumerOptions {
  readonly databaseUrl: string;
  /** On PostgreSQL when absent. */
  readonly kafka?: KafkaSettings;
}

/**
 * A process of the case service's group that prints the key of every alert it is handed and never answers: for a test to
 * kill between handling and recording.
 */
export function runHangingConsumer(options: HangingConsumerOptions): TypeScriptChild {
  return runTypeScript(
    `
    import { Pool } from 'pg';
    import pino from 'pino';
    import { ALERTS_TOPIC, type BatchHandler, createBus } from '#libs/bus';
    import { createPostgresEventStore } from '#libs/event-store';

    const { databaseUrl, kafka } = JSON.parse(process.env.HANGING_CONSUMER ?? '{}');
    const pool = new Pool({ connectionString: databaseUrl });
    const bus = createBus({
      kind: kafka ? 'kafka' : 'postgres',
      service: 'case',
      store: createPostgresEventStore({ pool }),
      pool,
      kafka,
      logger: pino({ level: 'warn' }, pino.destination(2)),
    });
    const handler: BatchHandler = (messages) => {
      for (const { key } of messages) process.stdout.write(key + '\\n');
      return new Promise(() => undefined);
    };
    bus.server().addHandler(ALERTS_TOPIC, handler, true, {});
    bus.server().listen(() => undefined);
    `,
    { HANGING_CONSUMER: JSON.stringify(options) },
  );
}
