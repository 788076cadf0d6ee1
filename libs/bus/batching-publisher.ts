import { DomainError, isStorableText } from '#libs/kernel';
import { NO_TELEMETRY, type Origins, type Telemetry } from '#libs/telemetry';
import { messagingAttributes, type MessagingSystem } from './messaging-attributes';
import type { BusMessage, BusPublisher } from './port';

export interface BatchLimits {
  readonly messages: number;
  /** Bytes of what `encode` gave, all messages of a batch together. */
  readonly bytes: number;
  /** Bytes of a single message: larger ones are refused. */
  readonly messageBytes: number;
}

interface Call<Encoded> {
  /** Undefined when it has messages of several. */
  readonly topic: string | undefined;
  readonly origins: Origins;
  readonly pending: Encoded[];
  readonly sizes: number[];
  readonly end: (error?: unknown) => void;
}

/**
 * Joins what several callers publish at once into batches, one after the other, in the order of the calls: that is where
 * throughput comes from, and what keeps the order within a key. A call ends when its last message is durable.
 */
export abstract class BatchingPublisher<Encoded> implements BusPublisher {
  private readonly calls: Call<Encoded>[] = [];
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly limits: BatchLimits,
    private readonly system: MessagingSystem,
    private readonly telemetry: Telemetry = NO_TELEMETRY,
  ) {}

  protected abstract encode(message: BusMessage): { encoded: Encoded; bytes: number };
  /** Resolves when all of them are durable; throws when that is not known. */
  protected abstract send(batch: readonly Encoded[]): Promise<void>;
  protected abstract disconnect(): Promise<void>;

  /**
   * @throws DomainError('message_too_large' | 'invalid_character') for a message that could never be published; none of
   * the call is published then.
   * @throws DomainError('bus_unavailable') when durability is unknown: publish again.
   */
  async publish(messages: readonly BusMessage[]): Promise<void> {
    await this.enqueue(
      messages,
      messages.map((message, index) => this.checked(message, index)),
    );
  }

  /** @param messages what `sized` was made of. */
  protected async enqueue(
    messages: readonly Pick<BusMessage, 'topic' | 'traceparent'>[],
    sized: readonly { encoded: Encoded; bytes: number }[],
  ): Promise<void> {
    if (sized.length === 0) return;
    if (this.closed) throw new DomainError('bus_unavailable', 'The publisher has been closed; the service is stopping');
    await new Promise<void>((resolve, reject) => {
      const end = (error?: unknown) => (error === undefined ? resolve() : reject(error));
      this.calls.push({
        topic: topicOf(messages),
        origins: this.telemetry.origins(() => messages.map(({ traceparent }) => traceparent)),
        pending: sized.map((p) => p.encoded),
        sizes: sized.map((p) => p.bytes),
        end,
      });
      this.running ??= this.run();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.running;
    await this.disconnect();
  }

  private checked(message: BusMessage, index: number): { encoded: Encoded; bytes: number } {
    for (const field of ['key', 'id', 'topic'] as const) {
      if (isStorableText(message[field])) continue;
      throw new DomainError('invalid_character', {
        field: `messages[${index}].${field}`,
        reason: 'holds NUL or a lone surrogate, which no key or id may',
      });
    }
    const { encoded, bytes } = this.encode(message);
    if (bytes <= this.limits.messageBytes) return { encoded, bytes };
    throw new DomainError('message_too_large', {
      field: `messages[${index}]`,
      reason: `message ${message.id} has ${bytes} bytes, and the bus takes ${this.limits.messageBytes}`,
    });
  }

  private async run(): Promise<void> {
    // Calls of the same turn of the event loop go out together.
    await Promise.resolve();
    while (this.calls.length > 0) {
      const { batch, calls } = this.next();
      try {
        await this.sendSeen(batch, calls);
        for (const call of calls) if (call.pending.length === 0) call.end();
      } catch (error) {
        for (const call of calls) {
          call.pending.length = 0;
          call.end(unavailable(error));
        }
      }
      while (this.calls[0]?.pending.length === 0) this.calls.shift();
    }
    this.running = undefined;
  }

  private sendSeen(batch: readonly Encoded[], calls: readonly Call<Encoded>[]): Promise<void> {
    const destination = topicOf(calls);
    const size = batch.length;
    return this.telemetry.batch(
      {
        operation: 'publish',
        destination,
        size,
        origins: calls.flatMap(({ origins }) => origins),
        attributes: messagingAttributes('publish', this.system, { topic: destination, size }),
      },
      () => this.send(batch),
    );
  }

  /** The first messages of all calls that fit one batch, taken from them. */
  private next(): { batch: Encoded[]; calls: Call<Encoded>[] } {
    const batch: Encoded[] = [];
    const calls: Call<Encoded>[] = [];
    let bytes = 0;
    for (const call of this.calls) {
      let taken = 0;
      while (taken < call.pending.length && batch.length + taken < this.limits.messages) {
        const size = call.sizes[taken] ?? 0;
        if (batch.length + taken > 0 && bytes + size > this.limits.bytes) break;
        bytes += size;
        taken += 1;
      }
      if (taken === 0) break;
      batch.push(...call.pending.splice(0, taken));
      call.sizes.splice(0, taken);
      calls.push(call);
      if (call.pending.length > 0) break;
    }
    return { batch, calls };
  }
}

/** Undefined when it is not the same for all of them. */
function topicOf(all: readonly { readonly topic: string | undefined }[]): string | undefined {
  const topic = all[0]?.topic;
  return all.every((one) => one.topic === topic) ? topic : undefined;
}

function unavailable(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  return new DomainError('bus_unavailable', {
    reason: 'The bus did not confirm the messages; publish them again',
    cause: error,
  });
}
