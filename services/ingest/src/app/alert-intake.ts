import type { AlertIntake, AlertResult } from '#contracts/http/ingest';
import { DomainError, type Clock } from '#libs/kernel';
import type { FormatRegistry } from '../domain/formats/format-registry';
import type { AlertPublisher } from './alert-publisher';
import { receiveAlert, type AlertOrigin, type RawAlert, type Received } from './alert-reception';
import { batchesOf } from './intake-batches';
import type { AlertBody } from './raw-alerts';

const BATCH_COUNT = 500;
const BATCH_BYTES = 2 * 1024 * 1024;
const LINGER_MS = 20;

/** Results that an answer lists at most: accepted or not, and then rejections alone. */
const LISTED = 1_000;

/** Takes the alerts of one body to the bus, in their order, a batch at a time. */
export class AlertIntakeDesk {
  constructor(
    private readonly formats: FormatRegistry,
    private readonly publisher: AlertPublisher,
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves once every alert of the body is durable.
   * @throws DomainError: why a single alert was refused (the refusal is durable by then), or `bus_unavailable`.
   */
  async take(body: AlertBody, origin: AlertOrigin, traceparent: string): Promise<AlertIntake> {
    if (body.kind === 'single') return this.takeOne(body.alert, origin, traceparent);
    const answer = new IntakeAnswer();
    const alerts = body.kind === 'lines' ? body.alerts : eachOf(body.alerts);
    const batches = batchesOf(alerts, {
      count: BATCH_COUNT,
      bytes: BATCH_BYTES,
      sizeOf: ({ bytes }) => bytes.length,
      lingerMs: LINGER_MS,
    });
    try {
      for await (const batch of batches) {
        const received = batch.map((raw) => this.receive(raw, origin));
        await this.publisher.publish(received, origin, traceparent);
        received.forEach((reception) => answer.add(reception));
      }
    } catch (error) {
      throw answer.after(error);
    }
    return answer.done();
  }

  private async takeOne(raw: RawAlert, origin: AlertOrigin, traceparent: string): Promise<AlertIntake> {
    const received = this.receive(raw, origin);
    await this.publisher.publish([received], origin, traceparent);
    if (received.kind === 'refused') throw received.error;
    const answer = new IntakeAnswer();
    answer.add(received);
    return answer.done();
  }

  private receive(raw: RawAlert, origin: AlertOrigin): Received {
    return receiveAlert(raw, origin, this.formats, this.clock.now());
  }
}

async function* eachOf<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}

/** The answer grows with the body only up to a bound. */
class IntakeAnswer {
  private accepted = 0;
  private rejected = 0;
  private readonly results: AlertResult[] = [];

  add(received: Received): void {
    const index = this.accepted + this.rejected;
    const { receiptId } = received.alert;
    if (received.kind === 'accepted') {
      this.accepted += 1;
      if (this.results.length < LISTED) {
        this.results.push({ index, receiptId, status: 'accepted', alertId: received.alert.alertId });
      }
      return;
    }
    this.rejected += 1;
    if (this.results.length >= 2 * LISTED) return;
    const { code, field, reason } = received.alert;
    this.results.push({ index, receiptId, status: 'rejected', code, ...(field !== null && { field }), reason });
  }

  done(): AlertIntake {
    const { accepted, rejected, results } = this;
    return { accepted, rejected, results, omitted: accepted + rejected - results.length };
  }

  /** The sender must learn from where on to send again. */
  after(error: unknown): unknown {
    const safe = this.accepted + this.rejected;
    if (safe === 0 || !(error instanceof DomainError)) return error;
    const { code, field, reason, cause } = error;
    return new DomainError(code, {
      field,
      reason: `${reason} The first ${safe} alerts are safe; send the rest again.`,
      cause,
    });
  }
}
