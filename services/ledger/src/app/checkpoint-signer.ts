import { setTimeout as wait } from 'node:timers/promises';
import { DEFAULT_TENANT } from '#contracts/identity';
import { serviceActor } from '#contracts/envelope';
import type { SigningKey } from '#contracts/action';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { CHECKPOINT_KEYS, CHECKPOINT_LOG, checkpointDigest, signCheckpoint } from '#libs/audit';
import { type EventStore, NO_STREAM, type RecordedEvent, type StreamHead, toNewEvents } from '#libs/event-store';
import { type Clock, DomainError } from '#libs/kernel';
import type { KeyPair } from '#libs/warrant';
import { type CheckpointSchedule, isCheckpointDue } from '../domain/checkpoint-schedule';
import type { MerkleFollower } from './merkle-follower';

const MAX_ATTEMPTS = 10;
/** How long a checkpoint that was asked for waits for transactions that are still open. */
const MAX_LAG_MS = 5_000;

interface Log {
  readonly head: StreamHead;
  readonly last: CheckpointSigned | undefined;
}

/**
 * Signs checkpoints and appends them to `checkpoint-log`. Several processes may try: each append expects the log as it
 * was read, so that one wins and the others see its checkpoint.
 */
export class CheckpointSigner {
  private turn: Promise<unknown> = Promise.resolve();
  private keys: KeyPair | undefined;
  /** As if there had been a checkpoint then, where there is none yet. */
  private readonly begunAt: number;

  constructor(
    private readonly store: EventStore,
    private readonly tree: MerkleFollower,
    private readonly clock: Clock,
    private readonly schedule: CheckpointSchedule,
  ) {
    this.begunAt = clock.now().getTime();
  }

  /** Takes up the key. Publishes it, and the ends of those that it replaced, unless that is in the ledger already. */
  async begin(keys: KeyPair, ended: readonly SigningKey[] = []): Promise<void> {
    this.keys = keys;
    for (const key of [...ended, keys.published]) await this.publish(key);
  }

  private async publish(key: SigningKey): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const published = await this.store.readStream('checkpoint', CHECKPOINT_KEYS);
      if (published.some(({ data }) => data['rootSignature'] === key.rootSignature)) return;
      const event = { type: 'SigningKeyPublished', data: key };
      // The root signs the same key anew when its end changes.
      const cause = key.notAfter === null ? key.keyId : key.rootSignature;
      if (await this.append(CHECKPOINT_KEYS, headAt(published.at(-1)), event, cause, this.clock.now())) return;
    }
    throw new DomainError('stream_conflict', `${CHECKPOINT_KEYS} was changed by others again and again; start again.`);
  }

  /** Follows the ledger, and signs when the schedule says so. */
  signIfDue(): Promise<void> {
    return this.inTurn(async () => {
      const { last } = await this.log();
      await this.tree.follow(last);
      const now = this.clock.now().getTime();
      const due = isCheckpointDue(this.schedule, {
        events: this.tree.uncovered,
        sinceCheckpointMs: now - (last ? Date.parse(last.signedAt) : this.begunAt),
        sinceLastEventMs: this.tree.idleMs,
      });
      if (due) await this.sign();
    });
  }

  /** A checkpoint over everything that is recorded when it is called; the last one when that covers it already. */
  signNow(): Promise<CheckpointSigned> {
    return this.inTurn(async () => {
      const until = Date.now() + MAX_LAG_MS;
      while ((await this.store.visibilityLag()).events > 0 && Date.now() < until) await wait(20);
      return this.sign();
    });
  }

  private async sign(): Promise<CheckpointSigned> {
    const keys = this.keys;
    if (!keys) throw new DomainError('service_unavailable', 'The checkpoint key is not loaded yet.');
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const { head, last } = await this.log();
      await this.tree.follow(last);
      if (last && this.tree.uncovered === 0) return last;
      const earliest = Math.max(Date.parse(keys.published.notBefore), last ? Date.parse(last.signedAt) : 0);
      const time = new Date(Math.max(this.clock.now().getTime(), earliest));
      const checkpoint = signCheckpoint(
        {
          sequence: (last?.sequence ?? 0) + 1,
          size: this.tree.size,
          root: this.tree.root,
          upTo: this.tree.upTo,
          previous: last ? checkpointDigest(last) : null,
          signedAt: time.toISOString(),
        },
        keys,
      );
      const event = { type: 'CheckpointSigned', data: checkpoint };
      if (await this.append(CHECKPOINT_LOG, head, event, checkpoint.signature, time)) {
        await this.tree.covered();
        return checkpoint;
      }
    }
    throw new DomainError('stream_conflict', `${CHECKPOINT_LOG} was changed by others again and again; try again.`);
  }

  private async log(): Promise<Log> {
    const head = (await this.store.heads('checkpoint', [CHECKPOINT_LOG])).get(CHECKPOINT_LOG) ?? NO_STREAM;
    if (head.version === 0) return { head, last: undefined };
    const [last] = await this.store.readStream('checkpoint', CHECKPOINT_LOG, { from: head.version, to: head.version });
    // What this service has written, by its contract.
    return { head, last: last?.data as unknown as CheckpointSigned };
  }

  /** False when somebody else was faster. */
  private async append(
    stream: string,
    expected: StreamHead,
    event: { type: string; data: unknown },
    causationId: string,
    time: Date,
  ): Promise<boolean> {
    const meta = { correlationId: stream, causationId };
    const envelope = { category: 'checkpoint', stream, actor: serviceActor('ledger'), meta, time } as const;
    const events = toNewEvents([event], envelope);
    const result = await this.store.append([
      { category: 'checkpoint', stream, tenant: DEFAULT_TENANT, expected, events },
    ]);
    return result.status !== 'conflict';
  }

  /** One at a time in this process: the tree is one. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }
}

function headAt(last: RecordedEvent | undefined): StreamHead {
  return last ? { version: last.version, hash: last.hash } : NO_STREAM;
}
