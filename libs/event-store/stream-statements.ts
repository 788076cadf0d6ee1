import type { Category } from '#contracts/envelope';
import { categoryLiteral, EVENT_COLUMNS, homeOf, isShelved } from './event-rows';

/**
 * The events of stream `$1` from version `$2` to `$3`, `$4` at most. Where there are shelves, the registry says on which one
 * the stream lies, and PostgreSQL then looks at no other.
 */
export function streamText(category: Category): string {
  const shelf = isShelved(category) ? `and shelf = (select shelf from (${homeOf(category, '$1')}) as home)` : '';
  return `select ${EVENT_COLUMNS} from ledger.events
           where category = ${categoryLiteral(category)} ${shelf} and stream = $1 and version between $2 and $3
           order by version limit $4`;
}

/**
 * The events of the streams in `$1`, each from its version in `$2` on, in no order. The inner order keeps PostgreSQL at the
 * index, stream by stream, whatever it believes about their lengths.
 */
export function streamsText(category: Category): string {
  const [home, shelf] = isShelved(category)
    ? [`cross join lateral (${homeOf(category, 's.name')}) h`, 'and shelf = h.shelf']
    : ['', ''];
  return `select e.* from unnest($1::text[], $2::integer[]) as s (name, first) ${home}
           cross join lateral (
             select ${EVENT_COLUMNS} from ledger.events
              where category = ${categoryLiteral(category)} ${shelf} and stream = s.name and version >= s.first
              order by version) e`;
}

/** The heads of the streams in `$1`, of those that were archived too. */
export function headsText(category: Category): string {
  if (!isShelved(category)) {
    return `select s.stream, e.version, encode(e.hash, 'hex') as hash from unnest($1::text[]) as s (stream)
             cross join lateral (
               select version, hash from ledger.events
                where category = ${categoryLiteral(category)} and stream = s.stream
                order by version desc limit 1) e`;
  }
  return `select s.stream, coalesce(e.version, h.archived_version) as version,
                 encode(coalesce(e.hash, h.archived_hash), 'hex') as hash
            from unnest($1::text[]) as s (stream)
           cross join lateral (${homeOf(category, 's.stream')}) h
            left join lateral (
              select version, hash from ledger.events
               where category = ${categoryLiteral(category)} and shelf = h.shelf and stream = s.stream
               order by version desc limit 1) e on true
           where e.version is not null or h.archived_version is not null`;
}
