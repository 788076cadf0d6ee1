import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';
import {
  findKafkaProvider,
  isAlive,
  type KafkaBroker,
  repositoryRoot,
  startKafkaBroker,
  stopKafkaBroker,
  withFileLock,
} from '#libs/local';
import { reportNotRun } from './not-run';

const user = process.getuid?.() ?? 0;
const checkout = createHash('sha256').update(repositoryRoot).digest('hex').slice(0, 8);
/** One broker for all spec files and runs of this checkout; others have their own. */
const folder = join(tmpdir(), `countersign-test-kafka-${user}-${checkout}`);
const dataDir = join(folder, 'kafka');
const usersFolder = join(folder, 'users');
/** Starting may mean to download first. */
const START_TIMEOUT_MS = 5 * 60_000;

/** The broker of one spec file. `brokers` can be read once the file's `beforeAll` has run. */
export interface TestKafka {
  /** False on a machine that cannot have a broker: the suites are then reported as not run. */
  readonly available: boolean;
  readonly brokers: readonly string[];
  /** For topics and groups, so that spec files on one broker do not meet: another one at every read. */
  freshPrefix(): string;
  /** Jest's `describe`, or one that reports the suite as not run. */
  readonly describe: jest.Describe;
}

/**
 * Gives the spec file a real broker: `const kafka = useKafka(); kafka.describe('...', () => { ... })`. On a machine that
 * cannot have one, the file is reported as not run, with the reason; with REQUIRE_KAFKA=1 it fails.
 */
export function useKafka(): TestKafka {
  const missing = whyMissing();
  let broker: KafkaBroker | undefined;
  if (missing === undefined) {
    beforeAll(async () => {
      broker = await joinTestBroker();
    }, START_TIMEOUT_MS);
    afterAll(leaveTestBroker);
  } else {
    reportNotRun({ need: 'a Kafka broker', variable: 'REQUIRE_KAFKA', reason: missing });
  }
  return {
    available: missing === undefined,
    get brokers() {
      if (!broker) throw new Error('useKafka: the broker is there after beforeAll; read it inside of tests and hooks');
      return broker.brokers;
    },
    freshPrefix: () => `test-${randomBytes(5).toString('hex')}.`,
    describe: missing === undefined ? describe : describe.skip,
  };
}

/** Stops the test broker unless another process still uses it. Resolves to whether it is down now. */
export async function stopTestBroker(): Promise<boolean> {
  mkdirSync(usersFolder, { recursive: true });
  return withFileLock(join(folder, 'broker.lock'), async () => {
    const others = readdirSync(usersFolder).filter((pid) => Number(pid) !== process.pid && isAlive(Number(pid)));
    if (others.length > 0) return false;
    await stopKafkaBroker(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
    return true;
  });
}

async function joinTestBroker(): Promise<KafkaBroker> {
  mkdirSync(usersFolder, { recursive: true });
  writeFileSync(join(usersFolder, String(process.pid)), '');
  return withFileLock(join(folder, 'broker.lock'), () => startKafkaBroker({ dataDir }), START_TIMEOUT_MS);
}

function leaveTestBroker(): void {
  rmSync(join(usersFolder, String(process.pid)), { force: true });
}

function whyMissing(): string | undefined {
  try {
    findKafkaProvider();
    return undefined;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'broker_missing') return error.reason;
    throw error;
  }
}
