import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CHECKPOINT_KEYS, CHECKPOINT_LOG, checkpointDigest, exportText, signCheckpoint } from '../../libs/audit';
import type { CheckpointSigned } from '../../contracts/events/checkpoint';
import type { Category } from '../../contracts/envelope';
import { serviceActor } from '../../contracts/envelope';
import {
  eventHash,
  leafHash,
  MerkleTree,
  NO_STREAM,
  type NewEvent,
  type RecordedEvent,
  type StreamHead,
  toNewEvents,
} from '../../libs/event-store';
import { type KeyPair, signSigningKey } from '../../libs/warrant';
import { caseHistories } from './case-histories';

/** Events between two checkpoints. */
const CHECKPOINT_EVERY = 10_000;

/** Writes the export of a ledger of case histories, signed to its end, to `file`; the root key's public half. */
export async function writeExport(file: string, cases: number): Promise<KeyObject> {
  const root = generateKeyPairSync('ed25519').privateKey;
  const text = exportText(new SignedLedger(root).pages(cases), { tenant: 'default', exportedAt: new Date() });
  await pipeline(Readable.from(text, { objectMode: false }), createWriteStream(file));
  return createPublicKey(root);
}

/** Events as a ledger would have recorded them, with their checkpoints, made up page by page. */
class SignedLedger {
  private readonly heads = new Map<string, StreamHead>();
  private readonly tree = MerkleTree.empty();
  private readonly keys: KeyPair;
  private checkpoint: CheckpointSigned | undefined;
  private tx = 700;
  private last = { tx: '0', position: '0' };

  constructor(root: KeyObject) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const key = { purpose: 'checkpoint', publicKey, notBefore: '2026-01-01T00:00:00.000Z', notAfter: null } as const;
    const published = signSigningKey(key, root);
    this.keys = { keyId: published.keyId, privateKey, published };
  }

  async *pages(cases: number): AsyncGenerator<RecordedEvent[]> {
    yield [this.ownEvent(CHECKPOINT_KEYS, 'SigningKeyPublished', this.keys.published)];
    let next = CHECKPOINT_EVERY;
    for (const turn of caseHistories(cases)) {
      this.tx += 1;
      yield turn.map(({ stream, event }) => this.record('case', stream, event));
      if (this.tree.size < next) continue;
      next += CHECKPOINT_EVERY;
      yield [this.sign()];
    }
    yield [this.sign()];
  }

  private sign(): RecordedEvent {
    const { tree, checkpoint: before } = this;
    this.checkpoint = signCheckpoint(
      {
        sequence: (before?.sequence ?? 0) + 1,
        size: tree.size,
        root: tree.root(),
        upTo: this.last,
        previous: before ? checkpointDigest(before) : null,
        signedAt: new Date().toISOString(),
      },
      this.keys,
    );
    return this.ownEvent(CHECKPOINT_LOG, 'CheckpointSigned', this.checkpoint);
  }

  private ownEvent(stream: string, type: string, data: unknown): RecordedEvent {
    const meta = { correlationId: 'bench' };
    const envelope = { category: 'checkpoint', stream, actor: serviceActor('ledger'), meta, time: new Date() } as const;
    const [event] = toNewEvents([{ type, data }], envelope);
    if (!event) throw new Error('an event is missing');
    this.tx += 1;
    return this.record('checkpoint', stream, event);
  }

  private record(category: Category, stream: string, event: NewEvent): RecordedEvent {
    const head = this.heads.get(stream) ?? NO_STREAM;
    const content = { category, stream, version: head.version + 1, tenant: 'default', ...event };
    const hash = eventHash(content, head.hash);
    this.heads.set(stream, { version: content.version, hash });
    this.last = { tx: String(this.tx), position: String(this.tree.size + 1) };
    this.tree.append(leafHash({ ...this.last, hash }));
    return { ...content, hash, ...this.last };
  }
}
