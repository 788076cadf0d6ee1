import { ALERT_TOPICS, ALERTS_TOPIC, deadTopic, ENRICHED_ALERT_TOPICS, ENRICHED_ALERTS_TOPIC } from '#contracts/topics';
import { useMigratedPostgres } from '#libs/testing';
import { message } from './conformance/bus-fixture';
import { PostgresBusPublisher } from './postgres-transport/postgres-bus-publisher';
import { migrateBus } from './migrate';

const postgres = useMigratedPostgres();

const dead = `insert into bus.dead_letter
  (id, consumer_group, topic, key, message_id, tenant, code, reason, message, attempts)
  values (gen_random_uuid(), $1, 'countersign.case', 'k', gen_random_uuid()::text, 'default', 'internal', 'r', '{}', 1)`;
const park = `insert into bus.parked (consumer_group, topic, key, message_id, message, due_at)
  values ($1, 'countersign.case', 'k', gen_random_uuid()::text, '{}', now())`;
const move = `insert into bus.cursor (consumer_group, topic, cursor) values ($1, 'countersign.case', '1.1')`;

describe('the tables of the bus', () => {
  it('take messages of a topic from its owner alone', async () => {
    const publish = (service: 'ingest' | 'enrichment' | 'case', topic: string) =>
      new PostgresBusPublisher(postgres.pool(service)).publish([message('a-1', { topic })]);
    for (const topic of Object.values(ALERT_TOPICS)) await publish('ingest', topic);
    for (const topic of Object.values(ENRICHED_ALERT_TOPICS)) await publish('enrichment', topic);
    await expect(publish('case', ALERTS_TOPIC)).rejects.toMatchObject({ code: 'bus_unavailable' });
    await expect(publish('ingest', ENRICHED_ALERTS_TOPIC)).rejects.toThrow();
    await publish('case', deadTopic(ALERTS_TOPIC));
    await expect(postgres.pool('ingest').query('delete from bus.log')).rejects.toThrow(/permission denied/);
  });

  it('belong to each consumer group by itself', async () => {
    for (const insert of [dead, park, move]) {
      await postgres.pool('case').query(insert, ['countersign.case']);
      await postgres.pool('playbook-orchestrator').query(insert, ['countersign.playbook-orchestrator']);
      await expect(postgres.pool('case').query(insert, ['countersign.approval'])).rejects.toThrow(/row-level security/);
    }
    const groups = await postgres.pool('case').query('select consumer_group from bus.parked');
    expect(groups.rows).toEqual([{ consumer_group: 'countersign.case' }]);
    await postgres.pool('approval').query('delete from bus.parked');
    expect((await postgres.ownerPool().query('select from bus.parked')).rowCount).toBe(2);
  });

  it('show the ledger service every dead letter, and let it put a message back', async () => {
    const ledger = postgres.pool('ledger');
    await postgres.pool('connector').query(dead, ['countersign.connector']);
    const { rows } = await ledger.query(
      `update bus.dead_letter set status = 'retried' where consumer_group = 'countersign.connector' returning status`,
    );
    expect(rows).toEqual([{ status: 'retried' }]);
    await ledger.query(park, ['countersign.connector']);
    await ledger.query(move, ['relay']);
    await expect(ledger.query(move, ['countersign.connector'])).rejects.toThrow(/row-level security/);
    await expect(postgres.pool('case').query(move, ['relay'])).rejects.toThrow(/row-level security/);
  });

  it('are migrated again without a change', async () => {
    const client = await postgres.ownerPool().connect();
    await migrateBus(client);
    client.release();
  });
});
