import { ARCHIVES } from './archive-step';
import { LEAF_STORAGE } from './shelves';

/** One step of the schema `ledger`. A step that has been released never changes; a change is a further step. */
export interface MigrationStep {
  readonly name: string;
  readonly sql: string;
}

/**
 * PostgreSQL wants the partition key in every unique constraint, hence `category` in each of them. `tx` and `position`
 * are not for writers to choose: no role gets the privilege to insert into those columns.
 */
const events = `
create function ledger.tx_offset() returns bigint
  language sql stable parallel safe as 'select 0::bigint';

create function ledger.current_tx() returns xid8
  language sql stable as
  'select ((pg_current_xact_id()::text)::bigint + ledger.tx_offset())::text::xid8';

create function ledger.visible_before() returns xid8
  language sql stable parallel safe as
  'select ((pg_snapshot_xmin(pg_current_snapshot())::text)::bigint + ledger.tx_offset())::text::xid8';

create function ledger.refuse_change() returns trigger
  language plpgsql as $$
begin
  raise exception 'the ledger is append-only: % of %.% is refused', tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end $$;

create table ledger.events (
  category       text collate "C" not null,
  stream         text collate "C" not null,
  version        integer          not null check (version > 0),
  id             uuid             not null,
  type           text             not null,
  schema_version integer          not null check (schema_version > 0),
  tenant         text             not null,
  time           timestamptz      not null,
  actor          jsonb            not null,
  data           jsonb            not null,
  meta           jsonb            not null,
  hash           bytea            not null check (octet_length(hash) = 32),
  tx             xid8             not null default ledger.current_tx(),
  position       bigint           not null generated always as identity,
  primary key (category, stream, version),
  unique (category, id)
) partition by list (category);

create index events_reading on ledger.events (category, tx, position);
`;

/**
 * Which server the ledger lives on: transaction ids mean nothing on another. A ledger that is made here begins here;
 * one that has events already gets its first row from `countersign ledger adopt`.
 */
const server = `
create function ledger.this_server() returns text
  language plpgsql stable as $$
begin
  return (select system_identifier::text from pg_control_system());
exception when insufficient_privilege then
  return null;
end $$;

create table ledger.server (
  seq               integer     primary key generated always as identity,
  system_identifier text,
  tx_offset         bigint      not null,
  since             timestamptz not null default clock_timestamp()
);
create trigger append_only before update or delete or truncate on ledger.server
  for each statement execute function ledger.refuse_change();

insert into ledger.server (system_identifier, tx_offset)
  select ledger.this_server(), 0 where not exists (select from ledger.events);
`;

/**
 * Alerts, runs and actions go onto shelves, which are archived and dropped as a whole. PostgreSQL wants every partition key
 * in a unique constraint of a partitioned table, so that those of the whole table would guard nothing any more, and would
 * have to be built anew: they stand on the partitions that hold rows instead, where the key is constant. That no two shelves
 * have the same stream is for `ledger.streams` to guard.
 *
 * What was there already becomes shelf 0. No row is written anew.
 */
const shelves = `
alter table ledger.events add column shelf integer not null default 0;

do $$
declare
  part record;
  shelved constant text[] := array['events_alert', 'events_run', 'events_action'];
begin
  create temporary table part_of_events on commit drop as
    select c.oid::regclass::text as name, c.relname::text as plain, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'ledger.events'::regclass;
  for part in select * from part_of_events loop
    execute format('alter table ledger.events detach partition %s', part.name);
  end loop;
  alter table ledger.events drop constraint events_pkey, drop constraint events_category_id_key;
  for part in select * from part_of_events loop
    if part.plain = any(shelved) then
      execute format('alter table %s rename to %I', part.name, part.plain || '_0');
      execute format('create table ledger.%I partition of ledger.events %s partition by list (shelf)', part.plain, part.bound);
      execute format('alter table ledger.%I attach partition ledger.%I for values in (0)', part.plain, part.plain || '_0');
    else
      execute format('alter table ledger.events attach partition %s %s', part.name, part.bound);
    end if;
  end loop;
end $$;

create table ledger.shelves (
  category text    collate "C" not null,
  shelf    integer not null,
  primary key (category, shelf)
);

create table ledger.streams (
  category         text    collate "C" not null,
  stream           text    collate "C" not null,
  first_version    integer not null check (first_version > 0),
  shelf            integer not null,
  archived_version integer check (archived_version >= first_version),
  archived_hash    bytea   check (octet_length(archived_hash) = 32),
  archived_time    timestamptz,
  archived_from    xid8,
  archived_to      xid8,
  primary key (category, stream, first_version)
);

create table ledger.archived_ids (
  category text   collate "C" not null,
  id       uuid   not null,
  tx       xid8   not null,
  position bigint not null,
  primary key (category, id)
);

insert into ledger.shelves (category, shelf)
  select substr(relname, 8, length(relname) - 9), 0 from pg_class
   where relnamespace = (select relnamespace from pg_class where oid = 'ledger.events'::regclass) and relkind = 'r' and relispartition and relname ~ '^events_.*_0$';

insert into ledger.streams (category, stream, first_version, shelf)
  select category, stream, 1, 0 from ledger.events where category in ('alert', 'run', 'action') and version = 1;

create trigger append_only before update or delete or truncate on ledger.archived_ids
  for each statement execute function ledger.refuse_change();
create trigger append_only before delete or truncate on ledger.streams
  for each statement execute function ledger.refuse_change();

create function ledger.shelf_now() returns integer
  language sql stable parallel safe as
  $$select to_char(clock_timestamp() at time zone 'utc', 'YYYYMM')::integer$$;
`;

/**
 * What is sealed does not compress: PostgreSQL would try to with each event, for half of what it takes to insert one. And
 * most events fit into a page of a table: where they lie in it, they are read three times as fast as in pieces beside it.
 * Events that are there stay as they are.
 */
const storage = `
alter table ledger.events alter column data set storage external;

do $$
declare
  part record;
begin
  for part in
    select relid from pg_partition_tree('ledger.events') join pg_class on pg_class.oid = relid where relkind = 'r'
  loop
    execute format('alter table %s set (${LEAF_STORAGE})', part.relid::regclass);
  end loop;
end $$;
`;

export const MIGRATION_STEPS: readonly MigrationStep[] = [
  { name: '0001-events', sql: events },
  { name: '0002-server', sql: server },
  { name: '0003-shelves', sql: shelves },
  { name: '0004-archives', sql: ARCHIVES },
  { name: '0005-storage', sql: storage },
];
