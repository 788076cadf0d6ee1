import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { LIVE_CATEGORIES } from '#contracts/http/gateway';
import type { Cursor, EventStore, RecordedEvent } from '#libs/event-store';
import { WakeSignal } from '#libs/kernel';

export type LiveCategory = (typeof LIVE_CATEGORIES)[number];

export interface LiveStreamOptions {
  readonly store: EventStore;
  readonly tenant: string;
  readonly categories: readonly LiveCategory[];
  /** After which event to begin. */
  readonly cursor: Cursor | undefined;
  /** Ends the stream: the client has gone, or the service stops. */
  readonly signal: AbortSignal;
}

const PAGE = 200;
/** Between looks at the ledger when nothing in this process woke the stream. */
const POLL_MS = 500;
/** A comment, so that proxies keep the connection and a client that has gone is noticed. */
const HEARTBEAT_MS = 15_000;

/**
 * Writes the events of one tenant as server-sent events (HTML standard, section 9.2) until the signal. The id of a
 * message is the cursor after its page: a client that comes back with it misses nothing and may see some again.
 */
export async function streamLive(response: ServerResponse, options: LiveStreamOptions): Promise<void> {
  const { store, tenant, categories, signal } = options;
  const news = new WakeSignal();
  const unsubscribe = store.onAppended((changed) => {
    if (changed.some((category) => categories.some((wanted) => wanted === category))) news.wake();
  });
  const wake = () => news.wake();
  signal.addEventListener('abort', wake);
  try {
    let { cursor } = options;
    let silentSince = Date.now();
    while (!signal.aborted) {
      // Where a quiet tenant goes on: what others have written since need not be looked through again.
      const end = await store.end();
      const page = await store.readAfter(cursor, { categories, tenant, limit: PAGE });
      for (const [index, event] of page.events.entries()) {
        const isLast = index === page.events.length - 1;
        await write(response, message(event, isLast ? page.cursor : undefined), signal);
      }
      cursor = page.events.length === 0 ? end : page.cursor;
      if (page.events.length > 0) silentSince = Date.now();
      else if (Date.now() - silentSince >= HEARTBEAT_MS) {
        await write(response, ': still here\n\n', signal);
        silentSince = Date.now();
      }
      if (page.events.length < PAGE) await news.wait(POLL_MS);
    }
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', wake);
  }
}

function message(event: RecordedEvent, cursor: Cursor | undefined): string {
  const { category, stream, version, id, type, time, actor, data, meta } = event;
  const body = JSON.stringify({ category, stream, version, id, type, time, actor, data, meta });
  return `${cursor === undefined ? '' : `id: ${cursor}\n`}event: ${type}\ndata: ${body}\n\n`;
}

async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted || response.write(text)) return;
  try {
    await once(response, 'drain', { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
