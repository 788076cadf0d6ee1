import type { AlertIntake, AlertResult } from '#contracts/http/ingest';
import { DomainError, type Clock } from '#libs/kernel';
import type { FormatRegistry } from '../domain/formats/format-registry';
import type { AlertPublisher } from './alert-publisher';
import { receive, type AlertOrigin, type RawAlert, type Received } from './alert-reception';
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
   * @param onRefused is told of every alert that was refused, with its place in the body.
   * @throws DomainError: why a single alert was refused (the refusal is durable by then), or `bus_unavailable`.
   */
  async take(
    body: AlertBody,
    origin: AlertOrigin,
    traceparent: string,
    onRefused: (error: DomainError, index: number) => void = () => undefined,
  ): Promise<AlertIntake> {
    if (body.kind === 'single') return this.takeOne(body.alert, origin, traceparent);
    const answer = new IntakeAnswer(onRefused);
    const alerts = body.kind === 'lines' ? body.alerts : eachOf(body.alerts);
    const batches = batchesOf(alerts, {
      count: BATCH_COUNT,
      bytes: BATCH_BYTES,
      sizeOf: ({ bytes }) => bytes.length,
      lingerMs: LINGER_MS,
    });
    try {
      for await (const batch of batches) {
        for (const received of inBatches(this.receive(batch, origin))) {
          await this.publisher.publish(received, origin, traceparent);
          received.forEach((reception) => answer.add(reception));
        }
      }
    } catch (error) {
      throw answer.after(error);
    }
    return answer.done();
  }

  /** A single alert that is bad is answered with its problem; one that turns out to be a page is a list. */
  private async takeOne(raw: RawAlert, origin: AlertOrigin, traceparent: string): Promise<AlertIntake> {
    const answer = new IntakeAnswer();
    let refusal: DomainError | undefined;
    try {
      for (const received of inBatches(this.receive([raw], origin))) {
        await this.publisher.publish(received, origin, traceparent);
        received.forEach((reception) => answer.add(reception));
        const [first] = received;
        if (first?.kind === 'refused') refusal ??= first.error;
      }
    } catch (error) {
      throw answer.after(error);
    }
    const intake = answer.done();
    if (refusal !== undefined && intake.accepted + intake.rejected === 1) throw refusal;
    return intake;
  }

  private *receive(batch: readonly RawAlert[], origin: AlertOrigin): Generator<Received, void, undefined> {
    for (const raw of batch) yield* receive(raw, origin, this.formats, this.clock.now());
  }
}

/** A page becomes many receptions, which are published, and forgotten, a batch at a time. */
function* inBatches(receptions: Iterable<Received>): Generator<Received[], void, undefined> {
  let batch: Received[] = [];
  for (const received of receptions) {
    batch.push(received);
    if (batch.length < BATCH_COUNT) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function* eachOf<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}

/** The answer grows with the body only up to a bound. */
class IntakeAnswer {
  private accepted = 0;
  private rejected = 0;
  private readonly results: AlertResult[] = [];

  constructor(private readonly onRefused: (error: DomainError, index: number) => void = () => undefined) {}

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
    this.onRefused(received.error, index);
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
