import { useMigratedPostgres } from '#libs/testing';
import { message } from './conformance/bus-fixture';
import { ALERTS_TOPIC, deadTopic } from '#contracts/topics';
import { PostgresBusPublisher } from './postgres-transport/postgres-bus-publisher';
import { trimLog } from './trim-log';

const postgres = useMigratedPostgres();
const owner = () => postgres.ownerPool();

const publish = (service: 'ingest' | 'case', topic: string, ...names: string[]) =>
  new PostgresBusPublisher(postgres.pool(service)).publish(names.map((name) => message(name, { topic, id: name })));
const left = async () =>
  (await owner().query<{ id: string }>('select id from bus.log order by id')).rows.map(({ id }) => id);
const age = (id: string, days: number) =>
  owner().query(`update bus.log set published_at = now() - $2 * interval '1 day' where id = $1`, [id, days]);
/** A group that has handled everything up to `id`. */
const handled = (service: 'ingest' | 'enrichment', id: string) =>
  postgres.pool(service).query(
    `insert into bus.cursor (consumer_group, topic, cursor)
     select bus.own_group(), topic, tx::text || '.' || position::text from bus.log where id = $1`,
    [id],
  );

describe('the log of the bus', () => {
  it('loses what is old and handled by every group, and nothing else', async () => {
    await publish('ingest', ALERTS_TOPIC, 'a-1', 'a-2', 'a-3', 'a-4');
    await publish('case', deadTopic(ALERTS_TOPIC), 'dead');
    await handled('ingest', 'a-3');
    await handled('enrichment', 'a-2');
    for (const id of ['a-1', 'a-2', 'a-3', 'dead']) await age(id, 8);
    expect(await trimLog(postgres.pool('ledger'))).toBe(3);
    // a-3 is not handled by enrichment, a-4 is new; nobody reads what is dead.
    expect(await left()).toEqual(['a-3', 'a-4']);
    expect(await trimLog(postgres.pool('ledger'))).toBe(0);
  });

  it('is trimmed by the ledger service alone', async () => {
    await expect(trimLog(postgres.pool('case'))).rejects.toThrow(/permission denied/);
  });
});
