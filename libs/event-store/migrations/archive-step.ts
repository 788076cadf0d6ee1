/**
 * What an archivist may do, and nothing more: note what is about to be archived, and drop a shelf of which the ledger itself
 * sees that it is old, covered by a checkpoint, and in a file. The functions act as the owner, since PostgreSQL lets nobody
 * else drop a table.
 */
export const ARCHIVES = `
create table ledger.archives (
  number         integer     primary key generated always as identity,
  category       text        collate "C" not null,
  shelf          integer     not null,
  file           text        not null unique,
  events         bigint      not null check (events > 0),
  sha256         bytea       not null check (octet_length(sha256) = 32),
  hashes         bytea       not null check (octet_length(hashes) = 32),
  first_tx       xid8        not null,
  first_position bigint      not null,
  last_tx        xid8        not null,
  last_position  bigint      not null,
  checkpoint     integer     not null,
  archived_at    timestamptz not null default clock_timestamp(),
  unique (category, shelf)
);
create trigger append_only before update or delete or truncate on ledger.archives
  for each statement execute function ledger.refuse_change();

create function ledger.note_archived(p_category text, p_shelf integer, p_streams text[]) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into ledger.archived_ids (category, id, tx, position)
    select e.category, e.id, e.tx, e.position from ledger.events e
     where e.category = p_category and e.shelf = p_shelf and e.stream = any (p_streams)
    on conflict do nothing;
  update ledger.streams s
     set archived_version = l.version, archived_hash = l.hash, archived_time = l.time,
         archived_from = l.from_tx, archived_to = l.to_tx
    from (select e.stream, max(e.version) as version, (array_agg(e.hash order by e.version desc))[1] as hash,
                 (array_agg(e.time order by e.version desc))[1] as time, min(e.tx) as from_tx, max(e.tx) as to_tx
            from ledger.events e
           where e.category = p_category and e.shelf = p_shelf and e.stream = any (p_streams)
           group by e.stream) l
   where s.category = p_category and s.stream = l.stream and s.shelf = p_shelf;
end $$;

-- Returns for how many milliseconds writers to the shelf, and in the end to its category, were kept waiting.
create function ledger.drop_shelf(
  p_category text, p_shelf integer, p_cutoff timestamptz, p_checkpoint integer, p_carried text[],
  p_file text, p_sha256 bytea, p_events bigint, p_hashes bytea) returns double precision
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  parent  constant text := format('ledger.%I', 'events_' || p_category);
  leaf    constant text := format('ledger.%I', 'events_' || p_category || '_' || p_shelf);
  target  integer;
  until   record;
  there   record;
  first   record;
  last    record;
  held    timestamptz;
begin
  if not exists (select from ledger.shelves where category = p_category and shelf = p_shelf) then
    raise 'there is no shelf % of %', p_shelf, p_category using errcode = 'no_data_found';
  end if;
  select coalesce(max(shelf) filter (where shelf <= ledger.shelf_now()), min(shelf)) into target
    from ledger.shelves where category = p_category;
  if target <= p_shelf or p_cutoff > clock_timestamp() - interval '30 days'
     or (p_shelf > 0 and (to_date(p_shelf::text, 'YYYYMM') + interval '1 month') at time zone 'utc' > p_cutoff) then
    raise 'shelf % of % is too young', p_shelf, p_category using errcode = 'object_not_in_prerequisite_state';
  end if;
  select (data->'upTo'->>'tx')::xid8 as tx, (data->'upTo'->>'position')::bigint as position into until
    from ledger.events
   where category = 'checkpoint' and stream = 'checkpoint-log' and version = p_checkpoint and type = 'CheckpointSigned';
  select count(*) as events, max(e.time) as time, sha256(coalesce(string_agg(e.hash, ''::bytea order by e.tx, e.position), '')) as hashes,
         coalesce(bool_or(until.tx is null or (e.tx, e.position) > (until.tx, until.position)), false) as uncovered
    into there
    from ledger.events e
   where e.category = p_category and e.shelf = p_shelf
     and not exists (select from unnest(p_carried) as c (stream) where c.stream = e.stream);
  if there.uncovered then
    raise 'checkpoint % does not cover shelf % of %', p_checkpoint, p_shelf, p_category
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  if there.time >= p_cutoff then
    raise 'shelf % of % has streams that are younger and not carried over', p_shelf, p_category
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  if there.events <> p_events or there.hashes <> p_hashes then
    raise 'shelf % of % has % events, and not those that were archived', p_shelf, p_category, there.events
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  if exists (
    select from ledger.events e left join ledger.archived_ids a on a.category = p_category and a.id = e.id
     where e.category = p_category and e.shelf = p_shelf and a.id is null
       and not exists (select from unnest(p_carried) as c (stream) where c.stream = e.stream)) then
    raise 'shelf % of % has events that were not noted', p_shelf, p_category
      using errcode = 'object_not_in_prerequisite_state';
  end if;

  -- Up to here nothing is locked or written, so that nobody waits: what lies there below the checkpoint never changes.
  perform set_config('lock_timeout', '500ms', true);
  held := clock_timestamp();
  execute format('lock table %s in share row exclusive mode', leaf);
  if exists (
    select from ledger.events e
     where e.category = p_category and e.shelf = p_shelf and (e.tx, e.position) > (until.tx, until.position)
       and not exists (select from unnest(p_carried) as c (stream) where c.stream = e.stream)) then
    raise 'shelf % of % has been appended to', p_shelf, p_category using errcode = 'serialization_failure';
  end if;
  select e.tx, e.position into first from ledger.events e
   where e.category = p_category and e.shelf = p_shelf
     and not exists (select from unnest(p_carried) as c (stream) where c.stream = e.stream)
   order by e.tx, e.position limit 1;
  select e.tx, e.position into last from ledger.events e
   where e.category = p_category and e.shelf = p_shelf
     and not exists (select from unnest(p_carried) as c (stream) where c.stream = e.stream)
   order by e.tx desc, e.position desc limit 1;
  insert into ledger.events (category, stream, version, id, type, schema_version, tenant, time, actor, data, meta,
                             hash, tx, position, shelf) overriding system value
    select category, stream, version, id, type, schema_version, tenant, time, actor, data, meta,
           hash, tx, position, target
      from ledger.events where category = p_category and shelf = p_shelf and stream = any (p_carried);
  update ledger.streams
     set shelf = target, archived_version = null, archived_hash = null, archived_time = null,
         archived_from = null, archived_to = null
   where category = p_category and shelf = p_shelf and stream = any (p_carried);
  execute format('alter table %s detach partition %s', parent, leaf);
  execute format('drop table %s', leaf);
  delete from ledger.shelves where category = p_category and shelf = p_shelf;
  if p_events > 0 then
    insert into ledger.archives (category, shelf, file, events, sha256, hashes, first_tx, first_position,
                                 last_tx, last_position, checkpoint)
      values (p_category, p_shelf, p_file, p_events, p_sha256, p_hashes, first.tx, first.position,
              last.tx, last.position, p_checkpoint);
  end if;
  return extract(epoch from clock_timestamp() - held) * 1000;
end $$;

revoke all on function ledger.note_archived, ledger.drop_shelf from public;
`;
