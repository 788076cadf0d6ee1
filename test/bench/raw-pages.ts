import type { Client } from 'pg';
import type { RecordedEvent } from '../../libs/event-store';

interface RawRow extends Omit<RecordedEvent, 'schemaVersion' | 'time' | 'hash'> {
  readonly schema_version: number;
  readonly time: Date;
  readonly hash: Buffer;
}

/** The events of the twin table in (tx, position) order, as the event store gives them, read by plain pg. */
export async function* rawPages(client: Client, size: number): AsyncGenerator<RecordedEvent[]> {
  const statement = {
    name: `raw page of ${size}`,
    text: `select category, stream, version, id, type, schema_version, tenant, time, actor, data, meta, hash, tx, position
             from raw.events
            where category = 'case' and (tx, position) > ($1::xid8, $2::bigint)
            order by tx, position limit ${size}`,
  };
  let [tx, position] = ['0', '0'];
  for (;;) {
    const { rows } = await client.query<RawRow>({ ...statement, values: [tx, position] });
    const page = rows.map(({ schema_version: schemaVersion, time, hash, ...same }) => ({
      ...same,
      schemaVersion,
      time: time.toISOString(),
      hash: hash.toString('hex'),
    }));
    const last = page.at(-1);
    if (!last) return;
    yield page;
    ({ tx, position } = last);
  }
}
