import type { Pool } from 'pg';
import type { Category } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { planRound, type PlannedGroup, type Round, type StaleGroup } from './append-round';
import { type AppendRow, appendStatement, type BlockedStream } from './append-statement';
import { databaseTrouble, toDomainError } from './database-errors';
import { earlierAnswer, eventIdTaken } from './earlier-answer';
import { categoryLiteral, EVENT_COLUMNS, type EventRow, toRecordedEvent } from './event-rows';
import { type AppendGroup, type AppendRefusal, type AppendResult, NO_STREAM, type RecordedEvent } from './port';
import { type PreparedStream, streamKey } from './prepared-group';

export type GroupResult = AppendResult | AppendRefusal;

/** A statement that has lost this often runs on with half of its groups. */
const RACES_BEFORE_HALVING = 4;
/** A single group that loses so often meets no race but a fault: after each loss the winner's rows are to be seen. */
const RACES_BEFORE_GIVING_UP = 40;

/**
 * Appends the groups with as few statements as their outcomes allow: one when nothing conflicts. Each further round
 * settles at least one group, on what the one before has found in the ledger.
 *
 * @throws DomainError('database_unavailable') when the outcome of groups that are still open is unknown.
 */
export async function appendGroups(pool: Pool, groups: readonly AppendGroup[]): Promise<GroupResult[]> {
  const results = new Map<number, GroupResult>();
  await settle(pool, new Map(groups.entries()), results);
  return groups.map((_, index) => {
    const result = results.get(index);
    if (!result) throw new DomainError('internal', `group ${index} of an append had no result`);
    return result;
  });
}

async function settle(pool: Pool, open: Map<number, AppendGroup>, results: Map<number, GroupResult>): Promise<void> {
  let known = new Map<string, BlockedStream>();
  let careful = false;
  let races = 0;
  const close = (index: number, result: GroupResult): void => {
    results.set(index, result);
    open.delete(index);
  };
  while (open.size > 0) {
    const round = planRound(open, known);
    for (const { index, error } of round.refused) close(index, { status: 'refused', error });
    for (const [index, result] of await answerStale(pool, round.stale)) close(index, result);
    if (round.planned.length === 0) continue;
    try {
      const outcome = await run(pool, round, careful);
      for (const [index, result] of outcome.appended) close(index, result);
      for (const [index, result] of await answerTaken(pool, outcome.taken)) close(index, result);
      known = new Map([...known, ...outcome.heads]);
      careful = true;
    } catch (error) {
      const trouble = databaseTrouble(error);
      if (trouble === 'unavailable' || error instanceof DomainError) throw toDomainError(error);
      // What was known of heads is older than what has just beaten us.
      known = new Map();
      careful = true;
      races += trouble === 'lost_race' ? 1 : 0;
      if (trouble === 'lost_race' && races < (open.size > 1 ? RACES_BEFORE_HALVING : RACES_BEFORE_GIVING_UP)) continue;
      if (open.size > 1) {
        await settleHalves(pool, open, results);
      } else {
        for (const index of open.keys()) close(index, { status: 'refused', error: toDomainError(error) });
      }
    }
  }
}

/** In order: a group of the second half may continue one of the first. */
async function settleHalves(
  pool: Pool,
  open: Map<number, AppendGroup>,
  results: Map<number, GroupResult>,
): Promise<void> {
  const entries = [...open];
  const middle = Math.ceil(entries.length / 2);
  for (const half of [entries.slice(0, middle), entries.slice(middle)]) {
    await settle(pool, new Map(half), results);
    for (const [index] of half) open.delete(index);
  }
}

interface RoundOutcome {
  readonly appended: readonly (readonly [number, AppendResult])[];
  readonly taken: readonly PlannedGroup[];
  /** What the ledger holds now of streams that blocked somebody, and of those just written. */
  readonly heads: readonly (readonly [string, BlockedStream])[];
}

async function run(pool: Pool, round: Round, careful: boolean): Promise<RoundOutcome> {
  const { rows } = await pool.query<AppendRow>(appendStatement(round.streams, round.events, careful));
  const { positions, tx, blocked, taken } = rows[0] ?? { positions: null, tx: null, blocked: null, taken: null };
  const blockedHeads = (blocked ?? []).map(({ category, stream, version, hash, time }): BlockedStream => {
    const lastTime = time === null ? undefined : new Date(Number(time)).toISOString();
    return { category, stream, head: version === 0 ? NO_STREAM : { version, hash }, lastTime };
  });
  const blockedKeys = new Set(blockedHeads.map(({ category, stream }) => streamKey(category, stream)));
  const takenUnits = new Set(taken ?? []);
  const blockedUnits = new Set(
    round.streams.flatMap(({ unit, category, stream }) => (blockedKeys.has(streamKey(category, stream)) ? [unit] : [])),
  );
  const isWritten = (unit: number): boolean => !blockedUnits.has(unit) && !takenUnits.has(unit);

  const places = positions === null ? [] : positions.split(',');
  const recorded = new Map<string, RecordedEvent>();
  let next = 0;
  for (const { unit, prepared } of round.events) {
    if (!isWritten(unit)) continue;
    const position = places[next];
    next += 1;
    if (position === undefined || tx === null)
      throw new DomainError('internal', 'an append returned too few positions');
    recorded.set(streamKey(prepared.event.category, prepared.event.id), { ...prepared.event, tx, position });
  }
  const written = round.planned.filter(({ unit }) => isWritten(unit));
  return {
    appended: written.map((group) => [group.index, { status: 'appended', events: recordedOf(group, recorded) }]),
    taken: round.planned.filter(({ unit }) => takenUnits.has(unit) && !blockedUnits.has(unit)),
    heads: [
      ...blockedHeads.map((head) => [streamKey(head.category, head.stream), head] as const),
      ...written.flatMap(headsLeftBy),
    ],
  };
}

function recordedOf({ prepared }: PlannedGroup, recorded: ReadonlyMap<string, RecordedEvent>): RecordedEvent[] {
  return prepared.flatMap(({ events }) =>
    events.map(({ event }) => {
      const found = recorded.get(streamKey(event.category, event.id));
      if (!found) throw new DomainError('internal', `event ${event.id} was appended but not recorded`);
      return found;
    }),
  );
}

function headsLeftBy({ prepared }: PlannedGroup): (readonly [string, BlockedStream])[] {
  return prepared.map(({ append: { category, stream }, events, head }) => [
    streamKey(category, stream),
    { category, stream, head, lastTime: events.at(-1)?.event.time },
  ]);
}

/** Groups that expect another head: answered before, or a conflict. */
async function answerStale(pool: Pool, stale: readonly StaleGroup[]): Promise<(readonly [number, GroupResult])[]> {
  const find = await findByIds(pool, stale);
  return stale.map(({ index, prepared, blocked }) => {
    const earlier = earlierAnswer(prepared, find);
    if (earlier.kind === 'whole') return [index, { status: 'duplicate', events: earlier.events }];
    const [expected] = prepared.flatMap(({ append }) =>
      append.category === blocked.category && append.stream === blocked.stream ? [append.expected.version] : [],
    );
    const { stream, head } = blocked;
    return [index, { status: 'conflict', stream, expected: expected ?? 0, actual: head.version }];
  });
}

/** Groups that expect the head that is there, in units of which at least one id is in the ledger. */
async function answerTaken(pool: Pool, groups: readonly PlannedGroup[]): Promise<(readonly [number, GroupResult])[]> {
  const find = await findByIds(pool, groups);
  return groups.flatMap(({ index, prepared }): (readonly [number, GroupResult])[] => {
    const earlier = earlierAnswer(prepared, find);
    if (earlier.kind === 'whole') return [[index, { status: 'duplicate', events: earlier.events }]];
    return earlier.kind === 'part' ? [[index, { status: 'refused', error: eventIdTaken(earlier.id) }]] : [];
  });
}

async function findByIds(
  pool: Pool,
  groups: readonly { readonly prepared: readonly PreparedStream[] }[],
): Promise<(category: Category, id: string) => RecordedEvent | undefined> {
  const ids = new Map<Category, string[]>();
  for (const { event } of groups.flatMap(({ prepared }) => prepared.flatMap(({ events }) => events))) {
    const known = ids.get(event.category);
    if (known) known.push(event.id);
    else ids.set(event.category, [event.id]);
  }
  const found = new Map<string, RecordedEvent>();
  for (const [category, wanted] of ids) {
    const { rows } = await pool.query<EventRow>({
      name: `ledger by id ${category}`,
      text: `select ${EVENT_COLUMNS} from ledger.events where category = ${categoryLiteral(category)} and id = any($1::uuid[])`,
      values: [wanted],
    });
    for (const row of rows) found.set(streamKey(category, row.id), toRecordedEvent(row));
  }
  return (category, id) => found.get(streamKey(category, id));
}
