import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { CATEGORIES, type Category } from '#contracts/envelope';
import type { EventStore } from '#libs/event-store';
import type { Telemetry } from '#libs/telemetry';
import { CursorTable } from './cursor-table';
import { DeadLetterOffice } from './dead-letter-office';
import { withinGrace } from './grace';
import type { BusPublisher } from './port';
import { RelayFlow, type RelayMeans, type RelayWay } from './relay-flow';
import { SingleActive } from './single-active';

export interface RelayOptions {
  readonly store: EventStore;
  readonly publisher: BusPublisher;
  /** The ledger's database, as the ledger service's role. */
  readonly pool: Pool;
  readonly logger: Logger;
  readonly telemetry?: Telemetry;
  /** Events read and published at a time. */
  readonly batch?: number;
}

export interface Relay {
  start(): void;
  /** Ends the batch in hand; within 5 s. */
  stop(): Promise<void>;
  /** Events that are not published yet: counted up to a thousand, more is shown as that. */
  lag(): Promise<number>;
  /** The same, with how long the oldest has waited (seconds), and the dead letters of events that no topic takes. */
  state(): Promise<{ lag: number; oldestSeconds: number; dead: number }>;
}

const GROUP = 'relay';
const MOST_LAG = 1_000;

/**
 * What a storm of alerts fills, and all the rest: the case that an urgent alert has opened must not wait until a hundred
 * thousand outcomes before it have been published.
 */
const MANY: readonly Category[] = ['alert', 'correlation'];
const WAYS: readonly RelayWay[] = [
  { categories: CATEGORIES.filter((category) => !MANY.includes(category)), cursor: '*', lock: GROUP },
  { categories: MANY, cursor: 'alert', lock: `${GROUP}:alert` },
];

/**
 * Publishes the ledger's events to their topics, in stream order and at least once; run by the ledger service in cluster
 * mode, active in one process at a time for each of its ways. The cursor moves after the broker has confirmed, so a restart may publish
 * events again and never leaves one out; `streamVersion` lets a consumer ignore what it has seen.
 */
export function createRelay(options: RelayOptions): Relay {
  return new EventRelay(options);
}

class EventRelay implements Relay {
  private readonly means: RelayMeans;
  private readonly flows: readonly RelayFlow[];

  constructor(options: RelayOptions) {
    const { pool, logger } = options;
    const locks = new SingleActive(pool, logger);
    this.means = { options, locks, cursors: new CursorTable(pool, GROUP), office: new DeadLetterOffice(pool, GROUP) };
    this.flows = WAYS.map((way) => new RelayFlow(way, this.means));
  }

  start(): void {
    for (const flow of this.flows) flow.start();
  }

  async stop(): Promise<void> {
    await withinGrace(this.flows.map((flow) => flow.stop()));
    await withinGrace([this.means.locks.close()], 500);
  }

  async lag(): Promise<number> {
    return (await this.state()).lag;
  }

  async state(): Promise<{ lag: number; oldestSeconds: number; dead: number }> {
    const [waiting, dead] = await Promise.all([
      Promise.all(this.flows.map((flow) => flow.unpublished(MOST_LAG))),
      this.means.office.countOpen(),
    ]);
    const since = waiting.flatMap(([oldest]) => (oldest === undefined ? [] : [Date.parse(oldest.time)]));
    return {
      lag: Math.min(waiting.flat().length, MOST_LAG),
      oldestSeconds: since.length === 0 ? 0 : Math.max(Date.now() - Math.min(...since), 0) / 1000,
      dead: [...dead.values()].reduce((sum, letters) => sum + letters, 0),
    };
  }
}
