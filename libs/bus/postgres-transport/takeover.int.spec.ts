import { Client } from 'pg';
import pino from 'pino';
import { ALERTS_TOPIC } from '#contracts/topics';
import { createPostgresEventStore } from '#libs/event-store';
import { useMigratedPostgres } from '#libs/testing';
import { consume, message } from '../conformance/bus-fixture';
import { createBus } from '../create-bus';
import { eventually } from '../conformance/eventually';
import { done, type Outcome } from '../port';

const postgres = useMigratedPostgres();

describe('a consumer that has lost its lock without knowing', () => {
  it('cannot move the cursor that another has moved', async () => {
    const logger = pino({ level: 'silent' });
    const instance = (service: 'case' | 'ingest') => {
      const pool = postgres.pool(service);
      return createBus({ kind: 'postgres', service, store: createPostgresEventStore({ pool }), pool, logger });
    };
    const [zombie, successor, ingest] = [instance('case'), instance('case'), instance('ingest')];
    const answers: ((outcome: Outcome) => void)[] = [];
    const before = await consume(zombie, ALERTS_TOPIC, () => new Promise<Outcome>((resolve) => answers.push(resolve)));
    await ingest.publisher.publish([message('a-1')]);
    await eventually(() => expect(before).toEqual(['a-1']));

    const after = await consume(successor, ALERTS_TOPIC, () => done);
    await endLockSessions();
    await eventually(() => expect(after).toEqual(['a-1']));
    await ingest.publisher.publish([message('a-2')]);
    await eventually(() => expect(after).toEqual(['a-1', 'a-2']));

    // Its outcome comes too late: were it recorded, the cursor would go back and a-2 would come again.
    for (const answer of answers) answer({ kind: 'retry', afterMs: 0, reason: 'too late' });
    await ingest.publisher.publish([message('a-3')]);
    await eventually(() => expect([...before, ...after]).toContain('a-3'));
    await Promise.all([zombie.stop(), successor.stop(), ingest.stop()]);
    expect(after).toEqual(['a-1', 'a-2', 'a-3']);
    expect((await postgres.ownerPool().query('select from bus.parked')).rowCount).toBe(0);
  });
});

async function endLockSessions(): Promise<void> {
  const superuser = new Client({ connectionString: postgres.superuserUrl });
  await superuser.connect();
  await superuser.query(`select pg_terminate_backend(pid) from pg_locks join pg_database d on d.oid = database
                          where locktype = 'advisory' and datname = current_database()`);
  await superuser.end();
}
