import type { ClientBase } from 'pg';
import { SERVICES } from '#contracts/envelope';
import { serviceRole } from '#libs/event-store';

/** The changes of the schema `bus`, in order. One that has been released is never edited: add the next. */
const MIGRATIONS: readonly string[] = [
  `
  -- What is published directly when there is no Kafka. (tx, position) is the reading order, as in the ledger, whose
  -- functions tell it: they hold after a restore too, when transaction ids start again.
  create table bus.log (
    position bigint generated always as identity primary key,
    tx xid8 not null default ledger.current_tx(),
    topic text not null,
    key text not null,
    id text not null,
    message json not null,
    published_at timestamptz not null default clock_timestamp()
  );
  create index log_reading on bus.log (topic, tx, position);

  -- Up to where a consumer group has recorded the outcomes.
  create table bus.cursor (
    consumer_group text not null,
    topic text not null,
    cursor text not null,
    moved_at timestamptz not null default clock_timestamp(),
    primary key (consumer_group, topic)
  );

  -- Messages that are to be retried, and those of the same key behind them. The lowest seq of a key is its head.
  -- json, not jsonb: a message is kept as it came, and jsonb refuses NUL.
  create table bus.parked (
    seq bigint generated always as identity primary key,
    consumer_group text not null,
    topic text not null,
    key text not null,
    message_id text not null,
    message json not null,
    attempts integer not null default 0,
    due_at timestamptz not null,
    reason text,
    parked_at timestamptz not null default clock_timestamp(),
    unique (consumer_group, topic, message_id)
  );
  create index parked_order on bus.parked (consumer_group, topic, key, seq);

  -- Invariant 8. message is the whole message, or {"raw": ...} when it was none.
  create table bus.dead_letter (
    id uuid primary key,
    consumer_group text not null,
    topic text not null,
    key text not null,
    message_id text not null,
    tenant text not null,
    code text not null,
    reason text not null,
    field text,
    message json not null,
    attempts integer not null,
    status text not null default 'open' check (status in ('open', 'retried', 'dropped')),
    died_at timestamptz not null default clock_timestamp(),
    decided_at timestamptz,
    decided_by text
  );
  create index dead_letter_listing on bus.dead_letter (tenant, died_at desc, id desc);
  create index dead_letter_open on bus.dead_letter (consumer_group, topic) where status = 'open';

  -- countersign_playbook_orchestrator is countersign.playbook-orchestrator as a consumer group.
  create function bus.own_group() returns text language sql stable
    return 'countersign.' || replace(substr(current_user::text, length('countersign_') + 1), '_', '-');

  alter table bus.log enable row level security;
  alter table bus.cursor enable row level security;
  alter table bus.parked enable row level security;
  alter table bus.dead_letter enable row level security;

  create policy read_log on bus.log for select using (true);
  create policy publish_log on bus.log for insert with check (
    (topic = 'countersign.alerts' and bus.own_group() = 'countersign.ingest')
    or (topic = 'countersign.alerts.enriched' and bus.own_group() = 'countersign.enrichment'));
  create policy own_cursor on bus.cursor using (consumer_group = bus.own_group());
  create policy relay_cursor on bus.cursor to countersign_ledger using (consumer_group = 'relay');
  create policy own_parked on bus.parked using (consumer_group = bus.own_group());
  create policy retry_parked on bus.parked for insert to countersign_ledger with check (true);
  create policy read_parked on bus.parked for select to countersign_ledger using (true);
  create policy own_dead_letter on bus.dead_letter using (consumer_group = bus.own_group());
  create policy relay_dead_letter on bus.dead_letter to countersign_ledger using (consumer_group = 'relay');
  create policy read_dead_letter on bus.dead_letter for select to countersign_ledger using (true);
  create policy decide_dead_letter on bus.dead_letter for update to countersign_ledger using (true);
  `,
  `
  -- Who consumes a topic says what died there.
  create policy announce_dead on bus.log for insert with check (topic like 'countersign.%.dead');
  `,
  `
  -- The ledger service removes what is old and handled by all.
  create policy trim_log on bus.log for delete to countersign_ledger using (true);
  create policy read_cursor on bus.cursor for select to countersign_ledger using (true);
  grant delete on bus.log to countersign_ledger;
  create index log_age on bus.log (published_at);
  `,
  `
  -- Alerts travel in three lanes.
  drop policy publish_log on bus.log;
  create policy publish_log on bus.log for insert with check (
    (topic in ('countersign.alerts', 'countersign.alerts.urgent', 'countersign.alerts.bulk')
      and bus.own_group() = 'countersign.ingest')
    or (topic in ('countersign.alerts.enriched', 'countersign.alerts.enriched.urgent', 'countersign.alerts.enriched.bulk')
      and bus.own_group() = 'countersign.enrichment'));
  `,
  `
  -- The relay goes two ways; the second begins where the only one stood.
  insert into bus.cursor (consumer_group, topic, cursor)
    select consumer_group, 'alert', cursor from bus.cursor where consumer_group = 'relay' and topic = '*'
    on conflict do nothing;
  `,
  `
  -- Ingest enters what it receives into its account by itself: nobody waits for it on the topics of alerts any more.
  delete from bus.cursor where consumer_group = 'countersign.ingest' and topic like 'countersign.alerts%';
  delete from bus.parked where consumer_group = 'countersign.ingest' and topic like 'countersign.alerts%';
  `,
];

/**
 * The schema of the bus in the ledger's database: idempotent. The ledger's own migration comes first.
 * @param client logged in as the owner, inside of `countersign migrate` and its lock.
 */
export async function migrateBus(client: ClientBase): Promise<void> {
  await client.query('begin');
  try {
    await client.query(`create schema if not exists bus;
      create table if not exists bus.migration (
        version integer primary key, applied_at timestamptz not null default clock_timestamp())`);
    const { rows } = await client.query<{ last: number }>(
      'select coalesce(max(version), 0)::integer as last from bus.migration',
    );
    const last = rows[0]?.last ?? 0;
    for (const [index, migration] of MIGRATIONS.entries()) {
      if (index < last) continue;
      await client.query(migration);
      await client.query('insert into bus.migration (version) values ($1)', [index + 1]);
    }
    await grant(client);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

/** At every run, so that a service that is new in a release gets its rights. */
async function grant(client: ClientBase): Promise<void> {
  const roles = SERVICES.map(serviceRole).join(', ');
  await client.query(`
    grant usage on schema bus to ${roles};
    grant select, insert on bus.log to ${roles};
    grant select, insert, update on bus.cursor to ${roles};
    grant select, insert, update, delete on bus.parked to ${roles};
    grant select, insert, update on bus.dead_letter to ${roles};
  `);
}
