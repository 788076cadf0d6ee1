import { DomainError } from '#libs/kernel';
import { eventHash } from './event-hash';
import { NO_STREAM, type RecordedEvent, type StreamHead } from './port';
import { StreamMap } from './stream-map';

/** One place where a stream's chain does not hold. */
export interface ChainFault {
  readonly kind:
    /** The stored hash is not that of the content and the event before: one of the two was changed. */
    | 'hash_mismatch'
    /** The event's version comes a second time. */
    | 'repeated_version'
    /** Versions before it are not there. */
    | 'missing_versions';
  readonly category: string;
  readonly stream: string;
  readonly version: number;
  readonly reason: string;
}

export interface ChainReport {
  readonly events: number;
  readonly streams: number;
  readonly faultCount: number;
  /** The first ones found. */
  readonly faults: readonly ChainFault[];
}

/** What the verification of a chain needs to see of an event, besides its hash computed anew. */
export type ChainedEvent = Pick<RecordedEvent, 'category' | 'stream' | 'version' | 'hash'>;

/** The last event of a stream. */
type Head = { -readonly [Field in keyof StreamHead]: StreamHead[Field] };

const MAX_FAULTS_LISTED = 100;

/**
 * Verifies the hash chains of a ledger (invariant 2) as its events stream by, each stream in version order: in
 * (tx, position) order, stream by stream, or in an export's. It keeps one version and one hash for a stream.
 *
 * A chain alone does not show a cut-off tail, or a stream removed whole: that takes a signed checkpoint.
 */
export class ChainVerifier {
  private readonly heads = new StreamMap<Head>();
  private readonly faults: ChainFault[] = [];
  private faultCount = 0;
  private events = 0;

  add(event: RecordedEvent): void {
    this.addHashed(event, (previousHash) => hashOf(event, previousHash));
  }

  /** @param hashAfter the hash that the event must have after one with `previousHash`; undefined when it can have none. */
  addHashed(event: ChainedEvent, hashAfter: (previousHash: string) => string | undefined): void {
    this.events += 1;
    const { category, stream, version, hash } = event;
    const known = this.heads.get(category, stream);
    const head: Head = known ?? { ...NO_STREAM };
    if (version <= head.version) return this.fault('repeated_version', event, 'this version came before');
    if (version > head.version + 1) {
      this.fault('missing_versions', event, `versions ${head.version + 1} to ${version - 1} are missing`);
    } else if (hashAfter(head.hash) !== hash) {
      this.fault('hash_mismatch', event, 'its hash does not fit its content and the event before it');
    }
    // Going on from the stored hash names what was changed, and not every event after it.
    head.version = version;
    head.hash = hash;
    if (!known) this.heads.set(category, stream, head);
  }

  report(): ChainReport {
    const { events, faultCount, faults } = this;
    return { events, streams: this.heads.size, faultCount, faults };
  }

  private fault(kind: ChainFault['kind'], { category, stream, version }: ChainedEvent, reason: string): void {
    this.faultCount += 1;
    if (this.faults.length < MAX_FAULTS_LISTED) this.faults.push({ kind, category, stream, version, reason });
  }
}

/** An export can hold anything: what has no canonical form has no hash either. */
function hashOf(event: RecordedEvent, previousHash: string): string | undefined {
  try {
    return eventHash(event, previousHash);
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}
