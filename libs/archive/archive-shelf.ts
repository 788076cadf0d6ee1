import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DatabaseError, type Pool } from 'pg';
import { EVENT_COLUMNS, type EventRow, type RecordedEvent, toRecordedEvent } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { ArchiveFile } from './archive-file';
import { archiveName } from './archive-manifest';
import { archivedHash } from './archived-hash';
import { aliveOn, MOST_CARRIED, type ShelfCut, type ShelfPlan } from './shelf-plan';
import { type VerifiedArchive, verifyArchive } from './verify-archive';
import { writeArchive } from './write-archive';

const PAGE = 1000;
const STREAMS_AT_ONCE = 500;
/** Attempts to drop a shelf that somebody reads for long, such as a dump; each waits for half a second at most. */
const ATTEMPTS = 60;
const BETWEEN_MS = 1_000;

export type ArchiveStep = 'exported' | 'verified' | 'noted' | 'dropped';

export interface ArchiveShelfOptions {
  /** Of the archivist's role. */
  readonly pool: Pool;
  readonly folder: string;
  readonly cut: ShelfCut;
  /** Is told what is done, and waited for. */
  readonly onStep?: (step: ArchiveStep) => Promise<void> | void;
}

export interface ArchivedShelf {
  readonly category: ShelfPlan['category'];
  readonly shelf: number;
  /** Events in the file; without any, there is none. */
  readonly events: number;
  readonly file: string | null;
  /** Events of streams that are still alive, which are on the shelf of now. */
  readonly carried: number;
  /** Milliseconds for which the last step has kept writers of its category waiting, at most. */
  readonly pauseMs: number;
}

/**
 * Archives one shelf: writes what is no longer alive to a file, reads that again and holds it against the database, notes
 * heads and ids, and drops the shelf in one short transaction. Killed at any moment, it can be run again: a whole file is
 * read again and kept when it is still what is to be archived.
 *
 * @throws DomainError('invalid_transition') when the shelf cannot be archived now, ('ledger_damaged') when what it holds does
 * not verify: then nothing is dropped.
 */
export async function archiveShelf(plan: ShelfPlan, options: ArchiveShelfOptions): Promise<ArchivedShelf> {
  const { pool, folder, cut, onStep } = options;
  const { category, shelf } = plan;
  const alive = await aliveOn(pool, plan, cut);
  if (alive.events > MOST_CARRIED) {
    const reason = `${alive.events} of its events are of streams that are still appended to, and ${MOST_CARRIED} at most are carried over`;
    throw new DomainError('invalid_transition', { field: `${category}-${shelf}`, reason });
  }
  const name = archiveName(category, shelf);
  const path = join(folder, name);
  const shelfPages = () => pagesOf(pool, plan, new Set(alive.streams));
  let verified = await verifiedAgainst(path, pool, shelfPages());
  if (!verified) {
    const written = await writeArchive(path, plan, shelfPages());
    await onStep?.('exported');
    verified = written ? await verifiedAgainst(path, pool, shelfPages()) : NOTHING;
    if (!verified) throw new DomainError('ledger_damaged', { field: path, reason: 'is not what the database holds' });
  }
  await onStep?.('verified');
  for (let index = 0; index < verified.streams.length; index += STREAMS_AT_ONCE) {
    const streams = verified.streams.slice(index, index + STREAMS_AT_ONCE);
    await pool.query('select ledger.note_archived($1, $2, $3)', [category, shelf, streams]);
  }
  await onStep?.('noted');
  const pauseMs = await drop(pool, [
    ...[category, shelf, cut.cutoff, cut.checkpoint, alive.streams, name],
    ...[Buffer.from(verified.sha256, 'hex'), verified.events, Buffer.from(verified.hashes, 'hex')],
  ]);
  await onStep?.('dropped');
  return {
    ...{ category, shelf, events: verified.events, file: verified.events > 0 ? name : null },
    ...{ carried: alive.events, pauseMs },
  };
}

const EMPTY_DIGEST = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const NOTHING: VerifiedArchive = { events: 0, sha256: EMPTY_DIGEST, hashes: EMPTY_DIGEST, streams: [] };

/** The events of a shelf in the ledger's order, but for those of streams that are carried over. */
async function* pagesOf(
  pool: Pool,
  { category, shelf }: ShelfPlan,
  carried: ReadonlySet<string>,
): AsyncGenerator<readonly RecordedEvent[]> {
  let after = { tx: '0', position: '0' };
  for (;;) {
    const { rows } = await pool.query<EventRow>({
      name: `archive ${category}`,
      text: `select ${EVENT_COLUMNS.replaceAll(/\b(tx|position)::/g, 'e.$1::')} from ledger.events e
              where category = '${category}' and shelf = $1 and (e.tx, e.position) > ($2::xid8, $3::bigint)
              order by e.tx, e.position limit ${PAGE}`,
      values: [shelf, after.tx, after.position],
    });
    const last = rows.at(-1);
    if (!last) return;
    after = last;
    const page = rows.filter(({ stream }) => !carried.has(stream)).map(toRecordedEvent);
    if (page.length > 0) yield page;
  }
}

/** What stands in the file, when that is event for event what is to be archived; undefined when it is not, or not there. */
async function verifiedAgainst(
  path: string,
  pool: Pool,
  expected: AsyncIterable<readonly RecordedEvent[]>,
): Promise<VerifiedArchive | undefined> {
  const file = await ArchiveFile.open(path).catch(() => undefined);
  if (!file) return undefined;
  const rows = eachOf(expected);
  let differs = false;
  const onPage = async (page: readonly RecordedEvent[]) => {
    for (const event of page) {
      const { value, done } = await rows.next();
      differs ||= done === true || !isSame(value, event);
    }
  };
  const { category } = file.manifest;
  const verified = await verifyArchive(file, { hashBefore: archivedHash(pool, category), onPage });
  const rest = await rows.next();
  return differs || rest.done !== true ? undefined : verified;
}

async function* eachOf(pages: AsyncIterable<readonly RecordedEvent[]>): AsyncGenerator<RecordedEvent, undefined> {
  for await (const page of pages) yield* page;
  return undefined;
}

const isSame = (one: RecordedEvent | undefined, other: RecordedEvent): boolean =>
  one?.hash === other.hash && one.tx === other.tx && one.position === other.position;

/** Drops the shelf; for how many milliseconds somebody was kept waiting, at most. */
async function drop(pool: Pool, values: readonly unknown[]): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { rows } = await pool.query<{ held: number }>(
        'select ledger.drop_shelf($1, $2, $3, $4, $5, $6, $7, $8, $9) as held',
        [...values],
      );
      return rows[0]?.held ?? 0;
    } catch (error) {
      const code = error instanceof DatabaseError ? error.code : undefined;
      if (code === '55000' || code === '40001' || code === 'P0002') {
        throw new DomainError('invalid_transition', { reason: (error as Error).message, cause: error });
      }
      // Somebody reads the shelf or its neighbours for longer than we make others wait.
      if ((code !== '55P03' && code !== '40P01') || attempt === ATTEMPTS) throw error;
      await wait(BETWEEN_MS);
    }
  }
}
