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

export const MIGRATION_STEPS: readonly MigrationStep[] = [
  { name: '0001-events', sql: events },
  { name: '0002-server', sql: server },
];
