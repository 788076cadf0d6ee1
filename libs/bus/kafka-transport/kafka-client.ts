import { Kafka, logLevel, type LogEntry, type SASLOptions } from 'kafkajs';
import type { Logger } from 'pino';
import { DomainError } from '#libs/kernel';
import { readCompressedBatches } from './compression';
import type { KafkaSettings } from './kafka-settings';
import './lean-encoder';

readCompressedBatches();

/** A client of the brokers that logs by our logger. Connects to nothing yet. */
export function kafkaClient(settings: KafkaSettings, clientId: string, logger: Logger): Kafka {
  return new Kafka({
    clientId,
    brokers: [...settings.brokers],
    ssl: typeof settings.ssl === 'object' ? { ...settings.ssl } : (settings.ssl ?? false),
    sasl: settings.sasl && saslOptions(settings.sasl),
    connectionTimeout: 3_000,
    authenticationTimeout: 10_000,
    requestTimeout: 10_000,
    // About six seconds in all: whoever waits for an answer learns then that the bus is away.
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 6 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => logEntry(logger, entry),
  });
}

function saslOptions({ mechanism, username, password }: NonNullable<KafkaSettings['sasl']>): SASLOptions {
  if (mechanism === 'plain' || mechanism === 'scram-sha-256' || mechanism === 'scram-sha-512') {
    return { mechanism, username, password };
  }
  throw new DomainError('invalid_configuration', {
    field: 'KAFKA_SASL_MECHANISM',
    reason: `must be plain, scram-sha-256 or scram-sha-512, but is ${mechanism}`,
  });
}

/** kafkajs calls an error what it deals with itself a moment later (a rebalance, a broker that restarts). */
function logEntry(logger: Logger, { level, namespace, log: { message, timestamp: _, ...details } }: LogEntry): void {
  if (level === logLevel.ERROR) logger.warn({ ...details, namespace }, message);
  else logger.debug({ ...details, namespace }, message);
}
