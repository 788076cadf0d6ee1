import type { Pool } from 'pg';
import { DomainError } from '#libs/kernel';
import type { PlannedGroup, Round } from './append-round';
import { type AppendRow, appendStatement, type BlockedStream } from './append-statement';
import { NO_STREAM, type RecordedEvent } from './port';
import type { PreparedEvent } from './prepared-group';
import { StreamMap } from './stream-map';

export interface RoundOutcome {
  readonly written: readonly { readonly group: PlannedGroup; readonly events: readonly RecordedEvent[] }[];
  /** Not written, in units of which an event id is in the ledger already. */
  readonly taken: readonly PlannedGroup[];
  /** Streams of which the ledger holds another head, or a later time, than a group expected. */
  readonly blocked: readonly BlockedStream[];
}

/** Runs the statement of a round. Throws what the database throws. */
export async function runRound(pool: Pool, round: Round, careful: boolean): Promise<RoundOutcome> {
  const { rows } = await pool.query<AppendRow>(appendStatement(round.streams, round.events, careful));
  const [row] = rows;
  if (!row) throw new DomainError('internal', 'an append returned no row');
  const blocked = (row.blocked ?? []).map(toBlockedStream);
  const takenUnits = new Set(row.taken ?? []);
  const blockedUnits = blocked.length > 0 ? unitsOf(blocked, round) : new Set<number>();
  const isWritten = ({ unit }: { unit: number }): boolean => !blockedUnits.has(unit) && !takenUnits.has(unit);

  fillInPlaces(round.events.filter(isWritten), row);
  return {
    written: round.planned.filter(isWritten).map((group) => ({ group, events: eventsOf(group) })),
    taken: round.planned.filter(({ unit }) => takenUnits.has(unit) && !blockedUnits.has(unit)),
    blocked,
  };
}

function toBlockedStream({
  category,
  stream,
  version,
  hash,
  time,
}: NonNullable<AppendRow['blocked']>[number]): BlockedStream {
  const lastTime = time === null ? undefined : new Date(Number(time)).toISOString();
  return { category, stream, head: version === 0 ? NO_STREAM : { version, hash }, lastTime };
}

function unitsOf(blocked: readonly BlockedStream[], round: Round): Set<number> {
  const streams = new StreamMap<true>();
  for (const { category, stream } of blocked) streams.set(category, stream, true);
  return new Set(round.streams.flatMap(({ unit, category, stream }) => (streams.has(category, stream) ? [unit] : [])));
}

/** Rows get ascending positions in the order in which they are inserted, which is the order of the round's events. */
function fillInPlaces(written: readonly { readonly prepared: PreparedEvent }[], { positions, tx }: AppendRow): void {
  const places = positions === null ? [] : positions.split(',');
  if (places.length !== written.length) {
    throw new DomainError('internal', `an append of ${written.length} events wrote ${places.length}`);
  }
  written.forEach(({ prepared: { event } }, index) => {
    event.tx = tx ?? '';
    event.position = places[index] ?? '';
  });
}

function eventsOf({ prepared }: PlannedGroup): RecordedEvent[] {
  return prepared.flatMap((stream) => stream.events.map(({ event }) => event));
}
