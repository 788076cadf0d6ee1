import type { Pool } from 'pg';
import type { Category } from '#contracts/envelope';
import { DomainError } from '#libs/kernel';
import { type PlannedGroup, planRound, type StaleGroup } from './append-round';
import type { BlockedStream } from './append-statement';
import { databaseTrouble, toDomainError } from './database-errors';
import { earlierAnswer, eventIdTaken, type FoundById } from './earlier-answer';
import { categoryLiteral, EVENT_COLUMNS, type EventRow, isShelved, toRecordedEvent } from './event-rows';
import type { AppendGroup, AppendRefusal, AppendResult } from './port';
import type { PreparedStream } from './prepared-group';
import { runRound } from './run-round';
import { StreamMap } from './stream-map';

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
  const appending = new Appending(pool);
  try {
    await appending.settle(new Map(groups.entries()));
  } catch (error) {
    throw toDomainError(error);
  }
  return groups.map((_, index) => appending.resultOf(index));
}

class Appending {
  private readonly results = new Map<number, GroupResult>();

  constructor(private readonly pool: Pool) {}

  resultOf(index: number): GroupResult {
    const result = this.results.get(index);
    if (!result) throw new DomainError('internal', `group ${index} of an append had no result`);
    return result;
  }

  /** @param open the groups by their place in the call, in order; empty when all are settled. */
  async settle(open: Map<number, AppendGroup>): Promise<void> {
    let known = new StreamMap<BlockedStream>();
    let careful = false;
    let races = 0;
    const close = (index: number, result: GroupResult): void => {
      this.results.set(index, result);
      open.delete(index);
    };
    while (open.size > 0) {
      const round = planRound(open, known);
      for (const { index, error } of round.refused) close(index, { status: 'refused', error });
      if (round.stale.length > 0)
        for (const [index, result] of await this.answerStale(round.stale)) close(index, result);
      if (round.planned.length === 0) continue;
      try {
        const { written, taken, blocked } = await runRound(this.pool, round, careful);
        for (const { group, events } of written) close(group.index, { status: 'appended', events });
        if (taken.length > 0) for (const [index, result] of await this.answerTaken(taken)) close(index, result);
        if (open.size === 0) return;
        for (const head of blocked) known.set(head.category, head.stream, head);
        for (const { group } of written) for (const stream of group.prepared) rememberHead(known, stream);
      } catch (error) {
        const trouble = error instanceof DomainError ? 'unavailable' : databaseTrouble(error);
        if (trouble === 'unavailable') throw error;
        if (trouble === 'lost_race') races += 1;
        if (trouble !== 'lost_race' || races >= (open.size > 1 ? RACES_BEFORE_HALVING : RACES_BEFORE_GIVING_UP)) {
          if (open.size > 1) return this.settleHalves([...open]);
          for (const index of open.keys()) close(index, { status: 'refused', error: toDomainError(error) });
        }
        // What was known of heads is older than what has just beaten us.
        known = new StreamMap();
      }
      careful = true;
    }
  }

  /** In order: a group of the second half may continue one of the first. */
  private async settleHalves(open: readonly (readonly [number, AppendGroup])[]): Promise<void> {
    const middle = Math.ceil(open.length / 2);
    await this.settle(new Map(open.slice(0, middle)));
    await this.settle(new Map(open.slice(middle)));
  }

  /** Groups that expect another head: answered before, or a conflict. */
  private async answerStale(stale: readonly StaleGroup[]): Promise<(readonly [number, GroupResult])[]> {
    const find = await this.findByIds(stale);
    return stale.map(({ index, prepared, blocked }) => {
      const earlier = earlierAnswer(prepared, find);
      if (earlier.kind === 'whole') return [index, { status: 'duplicate', events: earlier.events }];
      const { category, stream, head } = blocked;
      const mine = prepared.find(({ append }) => append.category === category && append.stream === stream);
      return [
        index,
        { status: 'conflict', stream, expected: mine?.append.expected.version ?? 0, actual: head.version },
      ];
    });
  }

  /** Groups that expect the head that is there, in units of which at least one id is in the ledger. */
  private async answerTaken(groups: readonly PlannedGroup[]): Promise<(readonly [number, GroupResult])[]> {
    const find = await this.findByIds(groups);
    return groups.flatMap(({ index, prepared }): (readonly [number, GroupResult])[] => {
      const earlier = earlierAnswer(prepared, find);
      if (earlier.kind === 'whole') return [[index, { status: 'duplicate', events: earlier.events }]];
      return earlier.kind === 'part' ? [[index, { status: 'refused', error: eventIdTaken(earlier.id) }]] : [];
    });
  }

  private async findByIds(
    groups: readonly { readonly prepared: readonly PreparedStream[] }[],
  ): Promise<(category: Category, id: string) => FoundById> {
    const wanted = new Map<Category, string[]>();
    for (const { event } of groups.flatMap(({ prepared }) => prepared.flatMap(({ events }) => events))) {
      const ids = wanted.get(event.category);
      if (ids) ids.push(event.id);
      else wanted.set(event.category, [event.id]);
    }
    const found = new StreamMap<FoundById>();
    for (const [category, ids] of wanted) {
      if (isShelved(category))
        for (const id of await this.findArchived(category, ids)) found.set(category, id, 'archived');
      const { rows } = await this.pool.query<EventRow>({
        name: `ledger by id ${category}`,
        text: `select ${EVENT_COLUMNS} from ledger.events where category = ${categoryLiteral(category)} and id = any($1::uuid[])`,
        values: [ids],
      });
      for (const row of rows) found.set(category, row.id, toRecordedEvent(row));
    }
    return (category, id) => found.get(category, id);
  }

  private async findArchived(category: Category, ids: readonly string[]): Promise<string[]> {
    const { rows } = await this.pool.query<{ id: string }>({
      name: `ledger archived id ${category}`,
      text: `select id from ledger.archived_ids where category = ${categoryLiteral(category)} and id = any($1::uuid[])`,
      values: [ids],
    });
    return rows.map(({ id }) => id);
  }
}

function rememberHead(known: StreamMap<BlockedStream>, { append, events, head }: PreparedStream): void {
  const { category, stream } = append;
  known.set(category, stream, { category, stream, head, lastTime: events.at(-1)?.event.time });
}
