import type { Lane } from '#libs/bus';
import type { Received } from './alert-reception';
import { TokenBucket } from './token-bucket';

/** What each source may send in a lane, in this process: alerts a second, and for this long at once. */
export interface LaneShares {
  readonly urgentPerSecond: number;
  readonly ordinaryPerSecond: number;
}
const BURST_SECONDS = 10;

/** OCSF severity ids: 4 high, 5 critical, 6 fatal; 99 is other. */
const URGENT = new Set([4, 5, 6]);
const MOST_REMEMBERED = 100_000;

/**
 * Which lane an alert travels in. What is grave is urgent; what a source sends beyond its share of a lane goes to the
 * next one, so that a storm, whatever its severity, waits behind nobody but itself.
 */
export class LaneChoice {
  private readonly sources = new Map<string, { readonly urgent: TokenBucket; readonly ordinary: TokenBucket }>();

  constructor(
    private readonly shares: LaneShares,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  laneOf(received: Received, sourceId: string): Lane {
    const { urgent, ordinary } = this.bucketsOf(sourceId);
    const { urgentPerSecond, ordinaryPerSecond } = this.shares;
    if (isUrgent(received) && this.spends(urgent, urgentPerSecond)) return 'urgent';
    return this.spends(ordinary, ordinaryPerSecond) ? 'ordinary' : 'bulk';
  }

  private spends(bucket: TokenBucket, perSecond: number): boolean {
    if (bucket.pauseMs(perSecond, this.monotonicMs(), perSecond * BURST_SECONDS) > 0) return false;
    bucket.take(1);
    return true;
  }

  private bucketsOf(sourceId: string) {
    const known = this.sources.get(sourceId);
    if (known !== undefined) return known;
    if (this.sources.size >= MOST_REMEMBERED) this.sources.clear();
    const fresh = { urgent: new TokenBucket(), ordinary: new TokenBucket() };
    this.sources.set(sourceId, fresh);
    return fresh;
  }
}

function isUrgent(received: Received): boolean {
  return received.kind === 'accepted' && URGENT.has(received.alert.finding.severity_id);
}
