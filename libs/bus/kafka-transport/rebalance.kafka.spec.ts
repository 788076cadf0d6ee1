import pino from 'pino';
import { ALERTS_TOPIC } from '#contracts/topics';
import { createPostgresEventStore } from '#libs/event-store';
import { useKafka, useMigratedPostgres } from '#libs/testing';
import { consumeBatches, message } from '../conformance/bus-fixture';
import { createBus, type Bus } from '../create-bus';
import { eventually } from '../conformance/eventually';
import { inKeyOrder } from '../in-key-order';
import { done, retry, type BusMessage, type Outcome } from '../port';
import { createTopics } from './create-topics';

const kafka = useKafka();

kafka.describe('a group whose members come and go', () => {
  const postgres = useMigratedPostgres();
  const logger = pino({ level: process.env['BUS_LOG'] ?? 'silent' });
  const running: Bus[] = [];
  afterEach(async () => {
    await Promise.all(running.map((bus) => bus.stop()));
  });

  it('handles every message, each key in order, retries included', async () => {
    const settings = { brokers: kafka.brokers, prefix: kafka.freshPrefix(), sessionTimeoutMs: 6_000 };
    await createTopics(settings, { partitions: 6, topics: [ALERTS_TOPIC] }, logger);
    const bus = (service: 'case' | 'ingest'): Bus => {
      const pool = postgres.pool(service);
      const store = createPostgresEventStore({ pool });
      const made = createBus({ kind: 'kafka', service, store, pool, kafka: settings, logger });
      running.push(made);
      return made;
    };
    const handled: string[] = [];
    const refused = new Set<string>();
    const join = async () => {
      const member = bus('case');
      const take = async (received: BusMessage): Promise<Outcome> => {
        const name = String(received.data['name']);
        if (name.endsWith('-7') && !refused.has(name)) {
          refused.add(name);
          return retry(20, 'not at the first time');
        }
        handled.push(name);
        return done;
      };
      await consumeBatches(member, ALERTS_TOPIC, (messages) => inKeyOrder(messages, take), { batch: 10 });
      return member;
    };
    const ingest = bus('ingest');
    const names = Array.from({ length: 1_200 }, (_, index) => `k${index % 30}-${Math.floor(index / 30)}`);
    const publish = async (from: number, to: number) => {
      for (let start = from; start < to; start += 50) {
        await ingest.publisher.publish(names.slice(start, start + 50).map((name) => message(name)));
      }
    };

    const first = await join();
    await publish(0, 400);
    await Promise.all([join(), publish(400, 800)]);
    await Promise.all([first.stop(), publish(800, 1_200)]);

    await eventually(() => expect(new Set(handled).size).toBe(names.length), 60_000);
    for (let key = 0; key < 30; key += 1) {
      // A message may come twice; what counts is that none was handled before its predecessor had been.
      const firsts = [...new Set(handled.filter((name) => name.startsWith(`k${key}-`)))];
      expect(firsts).toEqual(names.filter((name) => name.startsWith(`k${key}-`)));
    }
  }, 120_000);
});
