import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DomainError } from '#libs/kernel';
import { useKafka } from '#libs/testing';
import { startKafkaBroker, stopKafkaBroker } from './kafka-broker';
import { answersKafka } from './kafka-probe';
import { findKafkaProvider } from './kafka-provider';
import { isAlive } from './process-identity';

const kafka = useKafka();

const local = kafka.available && findKafkaProvider().kind !== 'environment';
(local ? kafka.describe : describe.skip)('a local Kafka broker', () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'countersign-kafka-'));
  });
  afterEach(async () => {
    await stopKafkaBroker(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('starts, is adopted, survives a kill -9 and stops', async () => {
    const first = await startKafkaBroker({ dataDir });
    const port = Number(first.brokers[0]?.split(':')[1]);
    expect(first.adopted).toBe(false);
    expect(await answersKafka(port)).toBe(true);

    const second = await startKafkaBroker({ dataDir });
    expect(second).toMatchObject({ adopted: true, brokers: first.brokers, pid: first.pid });

    process.kill(first.pid ?? 0, 'SIGKILL');
    // Its port is its own until the kernel is done with it.
    for (let looks = 0; isAlive(first.pid ?? 0) && looks < 200; looks += 1) await wait(50);
    const third = await startKafkaBroker({ dataDir });
    expect(third).toMatchObject({ adopted: false, brokers: first.brokers });
    expect(third.pid).not.toBe(first.pid);

    await third.stop();
    expect(isAlive(third.pid ?? 0)).toBe(false);
    expect(await answersKafka(port)).toBe(false);
    expect(await stopKafkaBroker(dataDir)).toBe(false);
  });
});

describe('without a way to get a broker', () => {
  it('says what to install', () => {
    const missing = () => findKafkaProvider({ PATH: '' });
    expect(missing).toThrow(DomainError);
    expect(missing).toThrow(/set KAFKA_BROKERS .* or install Java 17 or later and Maven .* or start Docker/);
  });

  it('takes KAFKA_BROKERS before all else', () => {
    expect(findKafkaProvider({ KAFKA_BROKERS: 'one:9092, two:9092', PATH: '' })).toEqual({
      kind: 'environment',
      brokers: ['one:9092', 'two:9092'],
    });
  });
});
