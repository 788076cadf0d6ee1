import type { AlertIntake, AlertResult } from '#contracts/http/ingest';
import { DomainError, type Clock } from '#libs/kernel';
import type { FormatRegistry } from '../domain/formats/format-registry';
import type { AlertPublisher } from './alert-publisher';
import type { AlertEnvelope } from '../domain/formats/alert-format';
import type { Receipt } from '../read/account';
import type { KeptOriginal, Originals } from '../read/originals';
import type { MemoryBudget, MemoryShare } from './memory-budget';
import type { ReceiptBook } from './receipt-book';
import type { SourceAllowance } from './source-allowance';
import type { KnownSource } from './source-directory';
import { receive, type AlertOrigin, type RawAlert, type Received } from './alert-reception';
import { batchesOf } from './intake-batches';
import { untilDone } from './until-done';
import type { AlertBody } from './raw-alerts';

/** So many, and so much, becomes durable as a whole or not at all. */
export const BATCH_COUNT = 500;
export const BATCH_BYTES = 2 * 1024 * 1024;
const LINGER_MS = 20;

/** Results that an answer lists at most: accepted or not, and then rejections alone. */
const LISTED = 1_000;

/** Whose alerts they are, and how they come. */
export interface IntakeRequest {
  readonly source: KnownSource;
  /** `?format=`. */
  readonly askedFormat?: string;
  readonly envelope?: AlertEnvelope;
  readonly traceparent: string;
  /**
   * For a sender that cannot be told to come back: it is held back while its alerts cannot be taken, until they are or this
   * aborts.
   */
  readonly holdBack?: AbortSignal;
  /** Once it has begun it is never paused for the source's limit: what it takes beyond, the next request waits for. */
  readonly isNeverPaused?: true;
  /** Is told of every alert once it is durable, with its place in the body. */
  readonly onReceived?: (received: Received, index: number) => void;
}

/** Takes the alerts of one body to the bus, in their order, a batch at a time. */
export class AlertIntakeDesk {
  constructor(
    private readonly formats: FormatRegistry,
    private readonly publisher: AlertPublisher,
    private readonly kept: {
      readonly originals: Pick<Originals, 'keep'>;
      readonly receipts: Pick<ReceiptBook, 'enter'>;
    },
    private readonly limits: { readonly memory: MemoryBudget; readonly allowance: SourceAllowance },
    private readonly clock: Clock,
  ) {}

  /**
   * Resolves once every alert of the body is durable and in the account.
   * @param read the body, counting what it holds in memory.
   * @throws DomainError: why a single alert was refused (the refusal is durable by then), `throttled`, or
   * `service_unavailable` and `bus_unavailable` for what is to be sent again.
   */
  async take(request: IntakeRequest, read: (share: MemoryShare) => Promise<AlertBody>): Promise<AlertIntake> {
    const { source, askedFormat, envelope, holdBack } = request;
    // Who has sent too much is told so before the body is read.
    if (holdBack === undefined) await this.limits.allowance.take(source.id, source.settings, 0, 0, false);
    const share = this.limits.memory.open(source.id);
    const answer = new IntakeAnswer(request.onReceived);
    const origin: AlertOrigin = {
      tenant: source.tenant,
      sourceId: source.id,
      source: source.name,
      askedFormat,
      sourceFormat: source.format ?? undefined,
      envelope,
    };
    let kind: AlertBody['kind'];
    try {
      const body = await read(share);
      for await (const batch of batchesIn(body)) {
        for (const received of inBatches(this.receive(batch, origin)))
          await this.deliver(received, origin, request, answer);
        // Of lines nothing is held any more; any other body is, until its end.
        if (body.kind === 'lines') share.release();
      }
      kind = body.kind;
    } catch (error) {
      throw answer.after(error);
    } finally {
      share.release();
    }
    return answer.of(kind);
  }

  private async deliver(
    received: readonly Received[],
    origin: AlertOrigin,
    { source, traceparent, holdBack, isNeverPaused }: IntakeRequest,
    answer: IntakeAnswer,
  ): Promise<void> {
    const bytes = received.reduce((sum, { alert }) => sum + alert.original.size, 0);
    const { allowance } = this.limits;
    const mayPause = answer.isUnderWay || holdBack !== undefined;
    if (isNeverPaused) allowance.charge(source.id, source.settings, received.length, bytes);
    else {
      await untilDone(holdBack, () => allowance.take(source.id, source.settings, received.length, bytes, mayPause));
    }
    // Tried again with the same receipts: what became durable unnoticed is not received twice.
    await untilDone(holdBack, async () => {
      // The original first: a message never tells of one that is not there.
      await this.kept.originals.keep(origin.tenant, received.flatMap(keptAside));
      await this.publisher.publish(received, origin, traceparent, holdBack);
    });
    // After it is durable: what never was would be pending for ever. What is durable and not entered, because this process
    // was killed in between, nobody was told of; its outcome enters it.
    await untilDone(holdBack, () =>
      this.kept.receipts.enter(received.map((reception) => receiptOf(reception, origin))),
    );
    received.forEach((reception) => answer.add(reception));
  }

  private *receive(batch: readonly RawAlert[], origin: AlertOrigin): Generator<Received, void, undefined> {
    for (const raw of batch) yield* receive(raw, origin, this.formats, this.clock.now());
  }
}

function batchesIn(body: AlertBody): AsyncIterable<RawAlert[]> {
  return body.kind === 'single'
    ? eachOf([[body.alert]])
    : alertBatches(body.kind === 'lines' ? body.alerts : eachOf(body.alerts));
}

/** As many alerts as become durable together. */
export function alertBatches(alerts: AsyncIterable<RawAlert>): AsyncGenerator<RawAlert[]> {
  return batchesOf(alerts, {
    count: BATCH_COUNT,
    bytes: BATCH_BYTES,
    sizeOf: ({ bytes }) => bytes.length,
    lingerMs: LINGER_MS,
  });
}

function receiptOf({ alert: { receiptId, sourceId, source, receivedAt } }: Received, { tenant }: AlertOrigin): Receipt {
  return { receiptId, tenant, sourceId, source, receivedAt, outcome: 'pending' };
}

function keptAside({ kind, alert, aside }: Received): KeptOriginal[] {
  const { digest } = alert.original;
  if (aside === undefined || digest === undefined) return [];
  return [{ record: `alert-${kind === 'accepted' ? alert.alertId : alert.receiptId}`, digest, body: aside }];
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

async function* eachOf<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

/** The answer grows with the body only up to a bound. */
class IntakeAnswer {
  private accepted = 0;
  private rejected = 0;
  private firstRefusal: DomainError | undefined;
  private readonly results: AlertResult[] = [];

  constructor(private readonly onReceived: IntakeRequest['onReceived']) {}

  /** Whether a part of the body has been taken. */
  get isUnderWay(): boolean {
    return this.accepted + this.rejected > 0;
  }

  add(received: Received): void {
    const index = this.accepted + this.rejected;
    const { receiptId } = received.alert;
    this.onReceived?.(received, index);
    if (received.kind === 'accepted') {
      this.accepted += 1;
      if (this.results.length < LISTED) {
        this.results.push({ index, receiptId, status: 'accepted', alertId: received.alert.alertId });
      }
      return;
    }
    this.rejected += 1;
    this.firstRefusal ??= received.error;
    if (this.results.length >= 2 * LISTED) return;
    const { code, field, reason } = received.alert;
    this.results.push({ index, receiptId, status: 'rejected', code, ...(field !== null && { field }), reason });
  }

  /** @throws DomainError why a single alert was refused; one that turned out to be a page is answered as a list is. */
  of(kind: AlertBody['kind']): AlertIntake {
    const { accepted, rejected, results } = this;
    if (kind === 'single' && this.firstRefusal !== undefined && accepted + rejected === 1) throw this.firstRefusal;
    return { accepted, rejected, results, omitted: accepted + rejected - results.length };
  }

  /** The sender must learn from where on to send again. */
  after(error: unknown): unknown {
    const safe = this.accepted + this.rejected;
    if (safe === 0 || !(error instanceof DomainError)) return error;
    const { code, field, reason, cause, retryAfterSeconds } = error;
    return new DomainError(code, {
      field,
      reason: `${reason} The first ${safe} alerts are safe; send the rest again.`,
      retryAfterSeconds,
      cause,
    });
  }
}
