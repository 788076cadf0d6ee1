import type { Actor } from '#contracts/envelope';
import type { JsonObject } from '#libs/kernel';

/** A CloudEvents 1.0 message. On Kafka: binary mode, `ce_` headers, keyed by `key`. */
export interface BusMessage<Data extends JsonObject = JsonObject> {
  readonly topic: string;
  /** The partition key: the stream for events, receiptId or alertId for alerts. Order holds within a key only. */
  readonly key: string;
  /** ce_id; the event's id, or the receipt's. The same at every redelivery. */
  readonly id: string;
  readonly type: string;
  readonly source: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly tenant: string;
  readonly schemaVersion: number;
  readonly actor: Actor;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly traceparent?: string;
  /** ce_streamversion: lets a consumer ignore what it has seen. Absent on topics that carry no stream. */
  readonly streamVersion?: number;
  /** On `<topic>.dead` alone: where and why it died. */
  readonly death?: DeathNotice;
  readonly data: Data;
}

/** Why a consumer group could not take a message in. */
export interface DeathNotice {
  readonly group: string;
  readonly code: string;
  readonly reason: string;
  readonly field?: string;
}

/** What became of one message: invariant 7 and 8. Later messages of the same key wait behind a retry; no others do. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'dead'; readonly code: string; readonly reason: string; readonly field?: string }
  | {
      readonly kind: 'retry';
      readonly afterMs: number;
      readonly reason: string;
      /** What it is dead of once its attempts are used up; `retries_exhausted` unless told. */
      readonly code?: string;
    };

export const done: Outcome = { kind: 'done' };
export const retry = (afterMs: number, reason: string, code?: string): Outcome => ({
  kind: 'retry',
  afterMs,
  reason,
  code,
});
export const dead = (code: string, reason: string, field?: string): Outcome => ({ kind: 'dead', code, reason, field });

/**
 * What a handler method marked `@EventPattern(topic, BUS, {batch})` is: one outcome a message, in the same order. After
 * a retry it must not act on later messages of that key: `inKeyOrder` sees to it. They come again, whatever it says.
 */
export type BatchHandler = (messages: BusMessage[]) => Promise<Outcome[]>;

/** Publishes directly (ingest, enrichment, and the relay): durable when the promise resolves. */
export interface BusPublisher {
  /** Throws DomainError('bus_unavailable') when durability is unknown; publishing again is safe for idempotent consumers. */
  publish(messages: readonly BusMessage[]): Promise<void>;
  close(): Promise<void>;
}

/** The transport symbol of `@EventPattern(topic, BUS, extras)`. */
export const BUS = Symbol('countersign.bus');
