import type { Kafka, Message, Producer, TopicMessages } from 'kafkajs';
import type { Logger } from 'pino';
import { deadTopic } from '#contracts/topics';
import type { Telemetry } from '#libs/telemetry';
import { BatchingPublisher } from '../batching-publisher';
import type { Death } from '../dead-letter-office';
import type { BusMessage } from '../port';
import { deadToKafka, toKafka } from './cloud-events';
import { topicName } from './topic-name';

interface Record {
  readonly topic: string;
  readonly message: Message;
}

/**
 * Topics take 1 MiB, and that limit is on the batch that a partition gets: kafkajs does not split one that is too large.
 * Bytes of keys, values and headers.
 */
const LIMITS = { messages: 2_000, bytes: 700_000, messageBytes: 1_000_000 };
const SEND_TIMEOUT_MS = 10_000;

/** A new producer, hence a new sequence, is all that helps against these. */
const LOST_SEQUENCE = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
]);

/** Publishes to Kafka: idempotent, and durable once all replicas in sync have it. */
export class KafkaBusPublisher extends BatchingPublisher<Record> {
  private producer: Promise<Producer> | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly prefix: string,
    private readonly logger: Logger,
    telemetry?: Telemetry,
  ) {
    super(LIMITS, 'kafka', telemetry);
  }

  /** To `<topic>.dead`; the record that operators work with is in the database. */
  async publishDead(group: string, deaths: readonly Death[]): Promise<void> {
    await this.enqueue(
      deaths.map(({ topic, message }) => ({
        topic: deadTopic(topic),
        traceparent: 'raw' in message ? undefined : message.traceparent,
      })),
      deaths.map((death) => this.sized(topicName(this.prefix, deadTopic(death.topic)), deadToKafka(group, death))),
    );
  }

  protected encode(message: BusMessage): { encoded: Record; bytes: number } {
    return this.sized(topicName(this.prefix, message.topic), toKafka(message));
  }

  protected async send(batch: readonly Record[]): Promise<void> {
    try {
      await this.sendOnce(batch);
    } catch (error) {
      if (!LOST_SEQUENCE.has(errorType(error))) throw error;
      this.logger.warn({ err: error }, 'The broker has lost our sequence; publishing again with a new producer');
      await this.sendOnce(batch);
    }
  }

  protected async disconnect(): Promise<void> {
    const producer = await this.producer?.catch(() => undefined);
    this.producer = undefined;
    await producer?.disconnect();
  }

  /**
   * After any failure the producer is given up: what failed may yet have been written, and the next batch of as many
   * messages would go out under the same sequence numbers, be taken for its repetition, and be lost.
   */
  private async sendOnce(batch: readonly Record[]): Promise<void> {
    const used = (this.producer ??= this.connect());
    try {
      const producer = await used;
      await producer.sendBatch({ acks: -1, timeout: SEND_TIMEOUT_MS, topicMessages: byTopic(batch) });
    } catch (error) {
      this.producer = undefined;
      used.then((producer) => producer.disconnect()).catch(() => undefined);
      throw error;
    }
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    await producer.connect();
    return producer;
  }

  private sized(topic: string, message: Message): { encoded: Record; bytes: number } {
    let bytes = Buffer.byteLength(message.key ?? '') + Buffer.byteLength(message.value ?? '');
    for (const [name, value] of Object.entries(message.headers ?? {})) {
      bytes += name.length + Buffer.byteLength(String(value)) + 4;
    }
    return { encoded: { topic, message }, bytes };
  }
}

function byTopic(batch: readonly Record[]): TopicMessages[] {
  const topics = new Map<string, Message[]>();
  for (const { topic, message } of batch) {
    const messages = topics.get(topic);
    if (messages) messages.push(message);
    else topics.set(topic, [message]);
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}

/** kafkajs wraps the broker's error, whose `type` is the protocol's name for it. */
function errorType(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('type' in error && typeof error.type === 'string') return error.type;
  return errorType(error.cause);
}
