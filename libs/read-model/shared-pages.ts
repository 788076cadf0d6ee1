import type { Category } from '#contracts/envelope';
import type { EventPage, EventStore } from '#libs/event-store';
import { type Checkpoint, covers } from './checkpoint';

/**
 * So long a page waits for those that have not come for it. Its events are open: shorter than every process takes to let
 * go of a key that was destroyed.
 */
const HELD_MS = 1_000;

interface HeldPage {
  readonly from: Checkpoint;
  readonly page: Promise<EventPage>;
  readonly takers: Set<string>;
  readonly timer: NodeJS.Timeout;
}

/**
 * Pages of the ledger for read models that follow the same categories: whoever is first at a place reads on from there, and
 * opens what is sealed, and the others get the same events. Each still follows at its own pace.
 */
export class SharedPages {
  /** By the cursor that they begin after. */
  private readonly held = new Map<string, HeldPage>();

  /** @param takers how many read models take each page. */
  constructor(
    private readonly store: Pick<EventStore, 'readAfter'>,
    private readonly options: { readonly categories: readonly Category[]; readonly limit: number },
    private readonly takers: number,
  ) {}

  /** The events after a checkpoint, as `readAfter` gives them, if fewer than there are by now. */
  async after(taker: string, from: Checkpoint): Promise<EventPage> {
    const held = this.held.get(from.cursor ?? '') ?? this.read(from);
    held.takers.add(taker);
    if (held.takers.size >= this.takers) this.drop(held);
    return held.page;
  }

  /** The most events of a page. */
  get limit(): number {
    return this.options.limit;
  }

  /** Whether another one has gone on from there: then there is more. */
  continueAt(place: Checkpoint): boolean {
    return this.held.has(place.cursor ?? '');
  }

  /** Lets go of all events. */
  clear(): void {
    for (const held of [...this.held.values()]) this.drop(held);
  }

  private read(from: Checkpoint): HeldPage {
    const page = this.store
      .readAfter(from.cursor, this.options)
      .then((read) => this.upToNextHeld(from, read))
      .then((read) => {
        if (read.events.length === 0) this.drop(held);
        return read;
      });
    const timer = setTimeout(() => this.drop(held), HELD_MS).unref();
    const held: HeldPage = { from, page, takers: new Set(), timer };
    this.held.set(from.cursor ?? '', held);
    page.catch(() => this.drop(held));
    return held;
  }

  /** Whoever has fallen behind ends where another has gone on from, and so goes on with the same pages. */
  private upToNextHeld(from: Checkpoint, page: EventPage): EventPage {
    const last = page.events.at(-1);
    if (!last) return page;
    let next: Checkpoint | undefined;
    for (const { from: at } of this.held.values()) {
      if (covers(from, at) || covers(at, last)) continue;
      if (!next || covers(next, at)) next = at;
    }
    if (!next) return page;
    const end = next;
    const events = page.events.filter((event) => covers(end, event));
    return events.length > 0 ? { events, cursor: end.cursor } : page;
  }

  private drop(held: HeldPage): void {
    clearTimeout(held.timer);
    const key = held.from.cursor ?? '';
    if (this.held.get(key) === held) this.held.delete(key);
  }
}

/** Each read model with its pages, which are those of all that follow the same categories. */
export function withSharedPages<Follower extends { readonly categories: readonly Category[] }>(
  store: Pick<EventStore, 'readAfter'>,
  followers: readonly Follower[],
  limit: number,
): (readonly [Follower, SharedPages])[] {
  const keyOf = ({ categories }: Follower) => [...categories].sort().join(' ');
  const pages = new Map<string, SharedPages>();
  return followers.map((follower) => {
    const key = keyOf(follower);
    const takers = followers.filter((other) => keyOf(other) === key).length;
    const shared = pages.get(key) ?? new SharedPages(store, { categories: follower.categories, limit }, takers);
    pages.set(key, shared);
    return [follower, shared];
  });
}
