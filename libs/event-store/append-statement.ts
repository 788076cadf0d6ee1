import type { QueryConfig } from 'pg';
import type { Category, ShelvedCategory } from '#contracts/envelope';
import { byteaArray, intArray, jsonbArray, textArray, timeArray } from './binary-array';
import { categoriesKey, categoryLiteral, homeOf, isShelved } from './event-rows';
import type { StreamHead } from './port';
import type { PreparedEvent } from './prepared-group';

/** A stream whose head a statement checks before it writes anything of the stream's unit. */
export interface CheckedStream {
  /** Streams and events of one unit are written together or not at all. */
  readonly unit: number;
  readonly category: Category;
  readonly stream: string;
  readonly expected: StreamHead;
  /** Of the first new event; may not lie before the stream's last. */
  readonly firstTime: string;
}

export interface UnitEvent {
  readonly unit: number;
  /** The number, from 1, of its stream among those that are checked. */
  readonly home: number;
  readonly prepared: PreparedEvent;
}

/** A stream whose head was not the expected one, or whose last event is later than the first new one. */
export interface BlockedStream {
  readonly category: Category;
  readonly stream: string;
  readonly head: StreamHead;
  /** Of the last event; undefined where there is none. */
  readonly lastTime: string | undefined;
}

export interface AppendRow {
  /** Of the events written, ascending: they were written in the order given. */
  readonly positions: string | null;
  readonly tx: string | null;
  readonly blocked:
    readonly { category: Category; stream: string; version: number; hash: string; time: string }[] | null;
  /** Units that were not written because one of their ids is in the ledger; looked for only when asked to. */
  readonly taken: readonly number[] | null;
}

const texts = new Map<string, { name: string; text: string }>();

/**
 * The one statement of an append: checks heads (version and hash) in the statement's snapshot, leaves out the units that
 * are blocked, and inserts the rest in the order given. Whoever commits first between snapshot and insert wins: the
 * other's insert breaks a unique constraint, which undoes its whole statement, so that no half of a stream is ever
 * written; it is then run again on a new snapshot.
 *
 * @param streams of all units, each stream once.
 * @param events sorted by category, stream, version: statements that insert in different orders would deadlock.
 * @param careful also looks for the new ids in the ledger, as a first attempt does not: it is one more index look-up for
 * each event, and an id that is there breaks a unique constraint anyway.
 */
export function appendStatement(
  streams: readonly CheckedStream[],
  events: readonly UnitEvent[],
  careful: boolean,
): QueryConfig {
  const categories = [...new Set(streams.map(({ category }) => category))].sort();
  const key = `${categoriesKey(categories)}${careful ? ' careful' : ''}`;
  let statement = texts.get(key);
  if (!statement) {
    statement = { name: `ledger append ${key}`, text: statementText(categories, careful) };
    texts.set(key, statement);
  }
  const rows = events.map(({ prepared }) => prepared.event);
  const hasHomes = categories.some(isShelved);
  return {
    ...statement,
    values: [
      intArray(streams.map(({ unit }) => unit)),
      textArray(streams.map(({ category }) => category)),
      textArray(streams.map(({ stream }) => stream)),
      intArray(streams.map(({ expected }) => expected.version)),
      byteaArray(streams.map(({ expected }) => expected.hash)),
      timeArray(streams.map(({ firstTime }) => firstTime)),
      intArray(events.map(({ unit }) => unit)),
      textArray(rows.map(({ category }) => category)),
      textArray(rows.map(({ stream }) => stream)),
      intArray(rows.map(({ version }) => version)),
      textArray(rows.map(({ id }) => id)),
      textArray(rows.map(({ type }) => type)),
      intArray(rows.map(({ schemaVersion }) => schemaVersion)),
      textArray(rows.map(({ tenant }) => tenant)),
      timeArray(rows.map(({ time }) => time)),
      jsonbArray(events.map(({ prepared }) => prepared.canonical.actor)),
      jsonbArray(events.map(({ prepared }) => prepared.canonical.data)),
      jsonbArray(events.map(({ prepared }) => prepared.canonical.meta)),
      byteaArray(rows.map(({ hash }) => hash)),
      ...(hasHomes ? [intArray(events.map(({ home }) => home))] : []),
    ],
  };
}

/**
 * Parameters as sub-selects, which hide the arrays' lengths from the planner: it would else plan each execution anew,
 * for a row or two less, which costs a single append more than the append itself. A flag as a parameter would do so too.
 */
function columns(first: number, types: readonly string[]): string {
  return types.map((type, index) => `(select $${first + index}::${type}[])`).join(', ');
}

const STREAM_TYPES = ['int', 'text', 'text', 'int', 'bytea', 'timestamptz'];
const EVENT_TYPES = [
  ...['int', 'text', 'text', 'int', 'text', 'text', 'int', 'text', 'timestamptz'],
  ...['jsonb', 'jsonb', 'jsonb', 'bytea'],
];

function statementText(categories: readonly Category[], careful: boolean): string {
  const shelved = categories.filter(isShelved);
  const unshelved = categories.filter((category) => !isShelved(category));
  const blocked = [...unshelved.map(blockedHeads), ...(shelved.length > 0 ? [blockedHomes(careful)] : [])];
  const taken = careful ? [...categories.map(takenIds), ...shelved.map(archivedIds)] : [];
  const home = shelved.length > 0 ? { type: ['int'], name: ', home' } : { type: [], name: '' };
  return `
    with streams as not materialized (
      select * from unnest(${columns(1, STREAM_TYPES)})
        with ordinality as s (unit, category, stream, version, hash, first_time, home)
    ), new_events as not materialized (
      select * from unnest(${columns(7, [...EVENT_TYPES, ...home.type])})
        with ordinality as n (unit, category, stream, version, id, type, schema_version,
                              tenant, time, actor, data, meta, hash${home.name}, ordinal)
    ), ${shelved.length > 0 ? homesOf(shelved) : ''}blocked as materialized (
      ${blocked.join(UNION)}
    ), taken as materialized (
      ${taken.length > 0 ? taken.join(UNION) : 'select null::int as unit where false'}
    ), ${shelved.length > 0 ? BORN : ''}written as (
      insert into ledger.events (category, stream, version, id, type, schema_version,
                                 tenant, time, actor, data, meta, hash${shelved.length > 0 ? ', shelf' : ''})
      select category, stream, version, id::uuid, type, schema_version,
             tenant, time, actor, data, meta, hash${shelved.length > 0 ? `, ${shelfOfHome(unshelved)}` : ''}
        from new_events
       where ${IS_OPEN} ${shelved.length > 0 ? 'and (select count(*) from born) >= 0' : ''}
       order by ordinal
      returning tx, position
    )
    select (select string_agg(position::text, ',' order by position) from written) as positions,
           (select tx::text from written limit 1) as tx,
           (select json_agg(json_build_object('category', category, 'stream', stream, 'version', version, 'hash', hash,
                   'time', (extract(epoch from time) * 1000)::bigint::text)) from blocked) as blocked,
           (select json_agg(distinct unit) from taken) as taken`;
}

const UNION = '\n      union all';

const IS_OPEN = `unit <> all (array(select unit from blocked)) and unit <> all (array(select unit from taken))`;

function blockedHeads(category: Category): string {
  return `
      select s.unit, s.category, s.stream, coalesce(e.version, 0) as version,
             coalesce(encode(e.hash, 'hex'), '') as hash, e.time
        from streams s
        left join lateral (
          select version, hash, time from ledger.events
           where category = ${categoryLiteral(category)} and stream = s.stream
           order by version desc limit 1) e on true
       where s.category = ${categoryLiteral(category)}
         and (coalesce(e.version, 0) <> s.version or e.hash <> s.hash or e.time > s.first_time)`;
}

/**
 * Where the streams of categories with shelves lie, and their heads: those that were archived when nothing lies there. A
 * stream without a home, or of which all is archived, gets one on the shelf of now.
 */
function homesOf(shelved: readonly ShelvedCategory[]): string {
  const homes = shelved.map(
    (category) => `
      select s.home, s.unit, s.category, s.stream, s.version as expected, s.hash as expected_hash, s.first_time,
             e.version is null and (c.shelf is null or c.archived_version is not null) as is_born,
             c.first_version > 1 or c.archived_version is not null as is_archived,
             coalesce(e.version, c.archived_version, 0) as version,
             coalesce(e.hash, c.archived_hash) as hash, coalesce(e.time, c.archived_time) as time,
             case when e.version is null and (c.shelf is null or c.archived_version is not null)
                  then (select coalesce(max(shelf) filter (where shelf <= ledger.shelf_now()), min(shelf))
                          from ledger.shelves where category = ${categoryLiteral(category)})
                  else c.shelf end as shelf
        from streams s
        left join lateral (${homeOf(category, 's.stream')}) c on true
        left join lateral (
          select version, hash, time from ledger.events
           where category = ${categoryLiteral(category)} and shelf = c.shelf and stream = s.stream
           order by version desc limit 1) e on true
       where s.category = ${categoryLiteral(category)}`,
  );
  return `homes as materialized (${homes.join(UNION)}
    ), `;
}

/** By an array, and not by a join: PostgreSQL takes the parameters for a row or two, and would compare each with each. */
function shelfOfHome(unshelved: readonly Category[]): string {
  const others = unshelved.map(categoryLiteral).join(', ');
  const all = others === '' ? '' : `union all select home, 0 from streams where category in (${others})`;
  return `(array(select shelf from (select home, shelf from homes ${all}) as all_homes order by home))[home]`;
}

/** What goes on after it was archived is left to a careful attempt, which looks for its ids among those that are archived. */
const blockedHomes = (careful: boolean): string => `
      select unit, category, stream, version, coalesce(encode(hash, 'hex'), '') as hash, time from homes
       where version <> expected or hash <> expected_hash or time > first_time ${careful ? '' : 'or is_archived'}`;

/**
 * Registers streams in the order that all statements keep, before any event is written: who comes second breaks the
 * registry's key, and no stream is ever written to two shelves.
 */
const BORN = `born as (
      insert into ledger.streams (category, stream, first_version, shelf)
      select category, stream, expected + 1, shelf from homes
       where is_born and ${IS_OPEN}
       order by category, stream collate "C"
      returning shelf
    ), `;

function takenIds(category: Category): string {
  return `
      select n.unit from new_events n
       where n.category = ${categoryLiteral(category)}
         and exists (select from ledger.events
                      where category = ${categoryLiteral(category)} and id = n.id::uuid)`;
}

/** An id comes again on its own stream alone, since it derives from it. */
function archivedIds(category: ShelvedCategory): string {
  return `
      select n.unit from new_events n
       where n.category = ${categoryLiteral(category)} and n.home = any (array(select home from homes where is_archived))
         and exists (select from ledger.archived_ids
                      where category = ${categoryLiteral(category)} and id = n.id::uuid)`;
}
