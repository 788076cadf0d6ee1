import { createHash } from 'node:crypto';
import type { Client } from 'pg';

/** The events of each stream that `growLedger` makes. */
export const EVENTS_A_STREAM = 20;
/** Streams whose events lie between each other's, as they do when so many cases are worked on at the same time. */
const OPEN_STREAMS = 50_000;

const COLUMNS = 'category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash';

/**
 * Streams of the category `case`, from number `from` up to `to`, written by SQL: too many for appends. Everything in them
 * is as the store writes it but the hashes, which chain nothing.
 */
export async function growLedger(client: Client, from: number, to: number): Promise<void> {
  await client.query('set synchronous_commit = off');
  for (let first = from; first < to; first += OPEN_STREAMS) {
    const last = Math.min(first + OPEN_STREAMS, to) - 1;
    for (let version = 1; version <= EVENTS_A_STREAM; version += 1) {
      await client.query(
        `insert into ledger.events_case (${COLUMNS})
         select 'case', 'case-' || md5(n::text)::uuid, $3::integer, md5($3::text || ' ' || n)::uuid, 'CaseNoteAdded', 1,
                'default', timestamptz '2026-11-24T09:30:00Z' + $3::integer * interval '1 minute',
                '{"kind": "human", "id": "arno"}',
                jsonb_build_object('caseId', md5(n::text)::uuid, 'noteId', md5('note ' || $3::text || n)::uuid,
                  'text', 'Asked the owner of WS-' || n || ' what "updater.exe" is; the address is on two lists.'),
                jsonb_build_object('correlationId', md5(n::text)::uuid),
                sha256(convert_to($3::text || ' ' || n, 'utf8'))
           from generate_series($1::integer, $2::integer) as n`,
        [first, last, version],
      );
    }
    process.stderr.write(`${(last + 1) * EVENTS_A_STREAM} events\n`);
  }
  await client.query('set synchronous_commit = on');
  await client.query('vacuum analyze ledger.events_case');
  await client.query('checkpoint');
}

/** The name of the stream with that number. */
export function grownStream(number: number): string {
  const digest = createHash('md5').update(String(number)).digest('hex');
  return `case-${digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')}`;
}
