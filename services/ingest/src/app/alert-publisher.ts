import type { AlertOrigin, Received } from './alert-reception';
import { ALERT_MESSAGES } from '#contracts/alert';
import { ALERT_TOPICS, messageSource, type BusMessage, type BusPublisher, type Lane } from '#libs/bus';
import { DomainError, type JsonObject } from '#libs/kernel';
import { FairQueue } from './fair-queue';
import type { LaneChoice } from './lane-choice';

export interface AlertPublisherOptions {
  /** Alerts that may be on their way to the bus at once, all requests together; a batch of more goes alone. */
  readonly inFlight: number;
  /** Milliseconds that a batch waits for its turn. */
  readonly waitMs: number;
  /** Milliseconds that the bus has to make a batch durable. */
  readonly publishMs: number;
}

/** A batch that waits for its turn. */
interface Waiting {
  readonly alerts: number;
  enter(): void;
}

/**
 * The way of receptions to the bus, bounded: when the bus does not take them in time, the sender is told to come back
 * instead of this process filling up. Sources take turns on it, and each alert goes out in its lane.
 *
 * A batch that came too late may become durable all the same. Its sender, who was not told so, sends it again; the
 * second reception is then counted as what it is, a duplicate.
 */
export class AlertPublisher {
  private inFlight = 0;
  private readonly waiting = new FairQueue<Waiting>();

  constructor(
    private readonly publisher: BusPublisher,
    private readonly lanes: LaneChoice,
    private readonly options: AlertPublisherOptions,
  ) {}

  /** Whether senders have to wait for each other. */
  get isBusy(): boolean {
    return this.waiting.size > 0;
  }

  /**
   * Durable when the promise resolves.
   * @param holdBack for a sender that can be held back: as long as the bus takes, until this aborts.
   * @throws DomainError('bus_unavailable')
   */
  async publish(
    received: readonly Received[],
    origin: AlertOrigin,
    traceparent: string,
    holdBack?: AbortSignal,
  ): Promise<void> {
    if (received.length === 0) return;
    await this.turn(origin.sourceId, received.length);
    const publication = this.publisher
      .publish(
        received.map((reception) =>
          messageOf(reception, this.lanes.laneOf(reception, origin.sourceId), origin, traceparent),
        ),
      )
      // There is room again when the bus has answered, however late: what is in flight stays bounded.
      .finally(() => this.release(received.length));
    // Begun twice, a batch would only take the bus longer.
    await within(publication, holdBack ?? this.options.publishMs);
  }

  private async turn(sourceId: string, alerts: number): Promise<void> {
    if (!this.isBusy && this.hasRoomFor(alerts)) {
      this.inFlight += alerts;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        alerts,
        enter() {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.waiting.remove(sourceId, waiting);
        reject(tooSlow('has more alerts on their way than it takes'));
        this.admit();
      }, this.options.waitMs);
      this.waiting.push(sourceId, waiting);
    });
  }

  private release(alerts: number): void {
    this.inFlight -= alerts;
    this.admit();
  }

  /** Those whose turn it is, as far as there is room. */
  private admit(): void {
    for (let next = this.waiting.next; next && this.hasRoomFor(next.alerts); next = this.waiting.next) {
      this.waiting.shift();
      this.inFlight += next.alerts;
      next.enter();
    }
  }

  private hasRoomFor(alerts: number): boolean {
    return this.inFlight === 0 || this.inFlight + alerts <= this.options.inFlight;
  }
}

function messageOf({ kind, alert }: Received, lane: Lane, origin: AlertOrigin, traceparent: string): BusMessage {
  const { type, version } = kind === 'accepted' ? ALERT_MESSAGES.AlertReceived : ALERT_MESSAGES.AlertRefused;
  return {
    topic: ALERT_TOPICS[lane],
    key: kind === 'accepted' ? alert.alertId : alert.receiptId,
    id: alert.receiptId,
    type,
    source: messageSource('ingest'),
    time: alert.receivedAt,
    tenant: origin.tenant,
    schemaVersion: version,
    actor: { kind: 'source', id: origin.sourceId },
    correlationId: alert.receiptId,
    traceparent,
    data: alert as unknown as JsonObject,
  };
}

/** @param limit milliseconds, or until it aborts. */
async function within(publication: Promise<void>, limit: number | AbortSignal): Promise<void> {
  let forget = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    if (typeof limit === 'number') {
      const timer = setTimeout(() => reject(tooSlow(`has not confirmed the alerts within ${limit} ms`)), limit);
      forget = () => clearTimeout(timer);
    } else {
      const end = () => reject(tooSlow('has not confirmed the alerts before the end'));
      forget = () => limit.removeEventListener('abort', end);
      if (limit.aborted) end();
      else limit.addEventListener('abort', end);
    }
  });
  try {
    await Promise.race([publication, late]);
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw new DomainError('bus_unavailable', {
      reason: 'The bus cannot take alerts now; send them again.',
      cause: error,
    });
  } finally {
    forget();
    // Its late failure has been answered for.
    publication.catch(() => undefined);
  }
}

const tooSlow = (what: string): DomainError =>
  new DomainError('bus_unavailable', `The bus ${what}; send them again after a pause.`);
