import type { ClientBase, Pool } from 'pg';
import type { Logger } from 'pino';
import { isDeadTopic } from '#contracts/topics';
import type { BusHandler } from './bus-server';
import type { Death, DeadLetterOffice, RawMessage } from './dead-letter-office';
import { dispatch, PutOff, type Delivery, type DispatchPolicy, type Verdict } from './dispatch';
import type { Parking, ParkingLot, Postponement } from './parking';
import type { BusMessage } from './port';
import { inTransaction } from './transaction';

/** What a transport hands over: a message, or why what it received is none. */
export type Arrival =
  | { readonly message: BusMessage }
  | { readonly malformed: RawMessage; readonly code: string; readonly reason: string; readonly field?: string };

export interface InboxOptions {
  readonly pool: Pool;
  readonly handler: BusHandler;
  readonly parking: ParkingLot;
  readonly office: DeadLetterOffice;
  readonly logger: Logger;
  /** Runs before deaths are recorded; again, when recording fails. */
  readonly announceDead: (deaths: readonly Death[]) => Promise<void>;
}

/** After so many outages in a row the batch is taken apart: perhaps one message causes what looks like an outage. */
const MOST_PUT_OFFS = 8;

/**
 * The receiving side of one topic in one consumer group, the same on every transport: hands batches to the handler and
 * records one outcome a message. What is to be retried is parked, and later messages of its key behind it.
 */
export class Inbox {
  private putOffs = 0;

  constructor(private readonly options: InboxOptions) {}

  get topic(): string {
    return this.options.handler.topic;
  }

  /**
   * Handles a batch fresh from the topic. When it resolves, every outcome is recorded; when it throws, nothing is and
   * the same batch is to be delivered again, later.
   * @param advance moves the group's cursor, in the transaction that records the outcomes.
   * @returns in how many milliseconds the first of the messages parked now is due, if any was.
   */
  async receive(
    arrivals: readonly Arrival[],
    advance?: (tx: ClientBase | Pool) => Promise<void>,
  ): Promise<number | undefined> {
    const { wants } = this.options.handler;
    const messages = arrivals.flatMap((arrival) =>
      'message' in arrival && wants(arrival.message.type) ? [arrival.message] : [],
    );
    const deaths = this.deathsOfMalformed(arrivals);
    const keys = [...new Set(messages.map(({ key }) => key))];
    const occupied = keys.length > 0 ? await this.options.parking.occupied(this.topic, keys) : new Set<string>();
    const deliveries = messages.map((message): Delivery => ({ message, attempts: 0 }));
    const free = deliveries.filter(({ message }) => !occupied.has(message.key));
    const verdicts = new Map<Delivery, Verdict>();
    for (const [index, verdict] of (await this.dispatch(free)).entries()) {
      const delivery = free[index];
      if (delivery) verdicts.set(delivery, verdict);
    }

    const parkings: Parking[] = [];
    for (const delivery of deliveries) {
      const verdict = verdicts.get(delivery) ?? { kind: 'behind' };
      if (verdict.kind === 'dead') deaths.push(deathOf(delivery, verdict));
      else if (verdict.kind === 'behind') parkings.push({ ...delivery, afterMs: 0 });
      else if (verdict.kind === 'retry') {
        parkings.push({ ...delivery, attempts: 1, afterMs: delayOf(verdict.afterMs), reason: verdict.reason });
      }
    }
    await this.announce(deaths);
    if (deaths.length + parkings.length > 0) {
      await inTransaction(this.options.pool, async (tx) => {
        await this.options.parking.park(tx, this.topic, parkings);
        await this.options.office.record(tx, deaths);
        await advance?.(tx);
      });
    } else {
      await advance?.(this.options.pool);
    }
    const delays = parkings.flatMap(({ afterMs, reason }) => (reason === undefined ? [] : [afterMs]));
    return delays.length > 0 ? Math.min(...delays) : undefined;
  }

  /** Hands parked messages that are due to the handler, key by key in order. Resolves to how many it handed over. */
  async drain(): Promise<number> {
    const due = await this.options.parking.due(this.topic, this.options.handler.batch);
    if (due.length === 0) return 0;
    const verdicts = await this.dispatch(due);
    const settled = due.map((delivery, index) => ({
      delivery,
      verdict: verdicts[index] ?? { kind: 'behind' as const },
    }));
    const gone: string[] = [];
    const deaths: Death[] = [];
    const delays: Postponement[] = [];
    for (const { delivery, verdict } of settled) {
      if (verdict.kind === 'done' || verdict.kind === 'dead') gone.push(delivery.seq);
      if (verdict.kind === 'dead') deaths.push(deathOf(delivery, verdict));
      if (verdict.kind === 'retry') {
        delays.push({ seq: delivery.seq, afterMs: delayOf(verdict.afterMs), reason: verdict.reason });
      }
    }
    await this.announce(deaths);
    await inTransaction(this.options.pool, async (tx) => {
      await this.options.parking.remove(tx, gone);
      await this.options.parking.postpone(tx, delays);
      await this.options.office.record(tx, deaths);
    });
    return due.length;
  }

  private async dispatch(deliveries: readonly Delivery[]): Promise<Verdict[]> {
    const { handle, open, sealed, attempts, timeoutMs } = this.options.handler;
    const policy: DispatchPolicy = { open, sealed, attempts, timeoutMs, mayPutOff: this.putOffs < MOST_PUT_OFFS };
    try {
      const verdicts = await dispatch(handle, deliveries, policy);
      this.putOffs = 0;
      return verdicts;
    } catch (error) {
      if (error instanceof PutOff) this.putOffs += 1;
      throw error;
    }
  }

  private async announce(deaths: readonly Death[]): Promise<void> {
    if (deaths.length === 0) return;
    for (const { topic, messageId, code, reason, field } of deaths) {
      this.options.logger.warn({ topic, messageId, code, reason, field }, 'A message goes to the dead letters');
    }
    if (!isDeadTopic(this.topic)) await this.options.announceDead(deaths);
  }

  /** What is no message on `<topic>.dead` has its letter already, from the topic where it was none. */
  private deathsOfMalformed(arrivals: readonly Arrival[]): Death[] {
    if (isDeadTopic(this.topic)) return [];
    return arrivals.flatMap((arrival) => ('message' in arrival ? [] : [deathOfMalformed(this.topic, arrival)]));
  }
}

const LONGEST_DELAY_MS = 24 * 60 * 60_000;

/** A handler's delay, made harmless: at least 0 and at most a day, so that nothing waits forever (invariant 6). */
function delayOf(afterMs: number): number {
  return Number.isFinite(afterMs) ? Math.min(Math.max(afterMs, 0), LONGEST_DELAY_MS) : LONGEST_DELAY_MS;
}

function deathOf({ message, attempts }: Delivery, verdict: Extract<Verdict, { kind: 'dead' }>): Death {
  return {
    topic: message.topic,
    key: message.key,
    messageId: message.id,
    tenant: message.tenant,
    code: verdict.code,
    reason: verdict.reason,
    field: verdict.field,
    attempts: attempts + 1,
    message,
  };
}

function deathOfMalformed(topic: string, arrival: Extract<Arrival, { malformed: RawMessage }>): Death {
  const { raw } = arrival.malformed;
  const tenant = raw.headers['ce_tenant'];
  return {
    topic,
    key: raw.key,
    messageId: raw.position,
    tenant: typeof tenant === 'string' ? tenant : '',
    code: arrival.code,
    reason: arrival.reason,
    field: arrival.field,
    attempts: 0,
    message: arrival.malformed,
  };
}
