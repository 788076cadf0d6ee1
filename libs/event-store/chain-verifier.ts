import { DomainError } from '#libs/kernel';
import { eventHash } from './event-hash';
import type { RecordedEvent } from './port';
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

interface Chain {
  version: number;
  hash: string;
  /** Events that came before their turn, by version. */
  waiting: Map<number, RecordedEvent> | undefined;
}

const MAX_FAULTS_LISTED = 100;
/** Of all streams together; a reading order that keeps more waiting is no order of a ledger. */
const MAX_WAITING = 100_000;

/**
 * Verifies the hash chains of a ledger (invariant 2) as its events stream by, in any order that keeps each stream
 * roughly in order: (tx, position), stream by stream, or an export's. It keeps one version and one hash for a stream,
 * and the events that came before their turn.
 *
 * A chain alone does not show a cut-off tail, or a stream removed whole: that takes a signed checkpoint.
 */
export class ChainVerifier {
  private readonly chains = new StreamMap<Chain>();
  private readonly faults: ChainFault[] = [];
  private faultCount = 0;
  private events = 0;
  private waiting = 0;

  /** @throws DomainError('invalid_field') when far too many events come before their predecessors. */
  add(event: RecordedEvent): void {
    this.events += 1;
    let chain = this.chains.get(event.category, event.stream);
    if (!chain) {
      chain = { version: 0, hash: '', waiting: undefined };
      this.chains.set(event.category, event.stream, chain);
    }
    if (event.version <= chain.version || chain.waiting?.has(event.version)) {
      this.fault('repeated_version', event, 'this version came before');
    } else if (event.version > chain.version + 1) {
      this.wait(chain, event);
    } else {
      this.extend(chain, event);
      for (let next = this.due(chain); next; next = this.due(chain)) this.extend(chain, next);
    }
  }

  /** The result so far; streams of which versions are still missing count as faults. */
  report(): ChainReport {
    const gaps = [...this.chains.values()].flatMap(({ version, waiting }) => {
      const [first] = [...(waiting?.values() ?? [])].sort((a, b) => a.version - b.version);
      return first ? [missing(first, version)] : [];
    });
    return {
      events: this.events,
      streams: this.chains.size,
      faultCount: this.faultCount + gaps.length,
      faults: [...this.faults, ...gaps].slice(0, MAX_FAULTS_LISTED),
    };
  }

  private extend(chain: Chain, event: RecordedEvent): void {
    const hash = hashOf(event, chain.hash);
    if (hash !== event.hash) {
      this.fault('hash_mismatch', event, 'its hash does not fit its content and the event before it');
    }
    // Going on from the stored hash names what was changed, and not every event after it.
    chain.version = event.version;
    chain.hash = event.hash;
  }

  private wait(chain: Chain, event: RecordedEvent): void {
    if (this.waiting >= MAX_WAITING) {
      throw new DomainError('invalid_field', {
        field: 'version',
        reason: `${MAX_WAITING} events came before their predecessors; sort the events by stream and version`,
      });
    }
    chain.waiting ??= new Map();
    chain.waiting.set(event.version, event);
    this.waiting += 1;
  }

  private due(chain: Chain): RecordedEvent | undefined {
    const next = chain.waiting?.get(chain.version + 1);
    if (next) {
      chain.waiting?.delete(next.version);
      this.waiting -= 1;
    }
    return next;
  }

  private fault(kind: ChainFault['kind'], { category, stream, version }: RecordedEvent, reason: string): void {
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

function missing({ category, stream, version }: RecordedEvent, last: number): ChainFault {
  const reason = `versions ${last + 1} to ${version - 1} are missing`;
  return { kind: 'missing_versions', category, stream, version, reason };
}
