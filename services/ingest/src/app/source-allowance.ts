import type { SourceSettings } from '#contracts/source-settings';
import { DomainError } from '#libs/kernel';
import { TokenBucket } from './token-bucket';

type Limits = Pick<SourceSettings, 'alertsPerSecond' | 'bytesPerSecond'>;

/** How long a body that is under way is paused for its source's limit, before its sender is answered. Milliseconds. */
const LONGEST_PAUSE_MS = 10_000;
const MOST_REMEMBERED = 100_000;

/**
 * What each source may send in a second, in this process. A source that sent more than its share is in debt, and waits
 * until it has paid: so a batch that is larger than the share of a second is not refused for ever.
 */
export class SourceAllowance {
  private readonly buckets = new Map<string, { readonly alerts: TokenBucket; readonly bytes: TokenBucket }>();

  constructor(
    private readonly monotonicMs: () => number = () => performance.now(),
    private readonly wait: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  ) {}

  /**
   * Takes what a batch needs.
   * @param isUnderWay the batches before it were taken: a pause holds its sender back, and costs nothing else.
   * @throws DomainError('throttled') with the seconds to wait.
   */
  async take(sourceId: string, limits: Limits, alerts: number, bytes: number, isUnderWay: boolean): Promise<void> {
    if (limits.alertsPerSecond === null && limits.bytesPerSecond === null) {
      this.buckets.delete(sourceId);
      return;
    }
    const source = this.bucketsOf(sourceId);
    const pause = Math.max(
      source.alerts.pauseMs(limits.alertsPerSecond, this.monotonicMs()),
      source.bytes.pauseMs(limits.bytesPerSecond, this.monotonicMs()),
    );
    if (pause > 0 && (!isUnderWay || pause > LONGEST_PAUSE_MS)) throw throttled(pause);
    if (pause > 0) await this.wait(pause);
    source.alerts.take(alerts);
    source.bytes.take(bytes);
  }

  /** Takes what a batch needs without asking: what it is in debt with, the next `take` is asked for. */
  charge(sourceId: string, limits: Limits, alerts: number, bytes: number): void {
    if (limits.alertsPerSecond === null && limits.bytesPerSecond === null) return;
    const source = this.bucketsOf(sourceId);
    source.alerts.take(alerts);
    source.bytes.take(bytes);
  }

  private bucketsOf(sourceId: string) {
    const known = this.buckets.get(sourceId);
    if (known !== undefined) return known;
    if (this.buckets.size >= MOST_REMEMBERED) this.buckets.clear();
    const fresh = { alerts: new TokenBucket(), bytes: new TokenBucket() };
    this.buckets.set(sourceId, fresh);
    return fresh;
  }
}

const throttled = (pauseMs: number): DomainError =>
  new DomainError('throttled', {
    reason: 'The source sends more than its limit allows; send it again after a pause.',
    retryAfterSeconds: Math.ceil(pauseMs / 1_000),
  });
