import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Readable } from 'node:stream';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { type Category, serviceActor } from '#contracts/envelope';
import {
  createMemoryEventStore,
  leafHash,
  MerkleTree,
  NO_STREAM,
  type RecordedEvent,
  toNewEvents,
} from '#libs/event-store';
import { deterministicId } from '#libs/kernel';
import { type KeyPair, type Signer, signSigningKey } from '#libs/warrant';
import { CHECKPOINT_KEYS, CHECKPOINT_LOG, type CheckpointClaims, checkpointDigest, signCheckpoint } from './checkpoint';
import { exportText } from './export-lines';

const NOW = new Date('2026-11-24T10:00:00.000Z');

/** A ledger in memory that signs its checkpoints itself, for tests. */
export class AuditedLedger {
  readonly rootPublicKey: KeyObject;
  readonly checkpoints: CheckpointSigned[] = [];
  private readonly store = createMemoryEventStore();

  constructor(
    readonly root: KeyObject = generateKeyPairSync('ed25519').privateKey,
    readonly keys: KeyPair = newKeys(root),
  ) {
    this.rootPublicKey = createPublicKey(root);
  }

  async note(stream: string, text: string, tenant = 'default'): Promise<void> {
    const caseId = deterministicId(stream);
    const data = { caseId, noteId: deterministicId(text), text };
    await this.append('case', stream, { type: 'CaseNoteAdded', data }, tenant);
  }

  async publishKey(published = this.keys.published): Promise<void> {
    await this.append('checkpoint', CHECKPOINT_KEYS, { type: 'SigningKeyPublished', data: published });
  }

  /** @param change what a signer says that is not as it should be, and `signer` who signs. */
  async checkpoint(change: Partial<CheckpointClaims> = {}, signer: Signer = this.keys): Promise<CheckpointSigned> {
    const events = await this.events();
    const tree = MerkleTree.empty();
    for (const event of events) tree.append(leafHash(event));
    const [last, before] = [events.at(-1), this.checkpoints.at(-1)];
    const checkpoint = signCheckpoint(
      {
        sequence: this.checkpoints.length + 1,
        size: tree.size,
        root: tree.root(),
        upTo: last ? { tx: last.tx, position: last.position } : null,
        previous: before ? checkpointDigest(before) : null,
        signedAt: NOW.toISOString(),
        ...change,
      },
      signer,
    );
    this.checkpoints.push(checkpoint);
    await this.append('checkpoint', CHECKPOINT_LOG, { type: 'CheckpointSigned', data: checkpoint });
    return checkpoint;
  }

  async events(): Promise<readonly RecordedEvent[]> {
    return (await this.store.readAfter(undefined, { limit: 100_000 })).events;
  }

  private async append(
    category: Category,
    stream: string,
    event: { type: string; data: unknown },
    tenant = 'default',
  ): Promise<void> {
    const head = (await this.store.heads(category, [stream])).get(stream) ?? NO_STREAM;
    const envelope = { category, stream, actor: serviceActor('case'), meta: { correlationId: 'test' }, time: NOW };
    await this.store.append([{ category, stream, tenant, expected: head, events: toNewEvents([event], envelope) }]);
  }
}

function newKeys(root: KeyPair['privateKey']): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = { purpose: 'checkpoint', publicKey, notBefore: '2026-01-01T00:00:00.000Z', notAfter: null } as const;
  const published = signSigningKey(key, root);
  return { keyId: published.keyId, privateKey, published };
}

/** The lines of an export of `events`. */
export async function exportLines(events: readonly RecordedEvent[], tenant = 'default'): Promise<string[]> {
  async function* pages() {
    yield events;
  }
  let text = '';
  for await (const piece of exportText(pages(), { tenant, exportedAt: NOW })) text += piece;
  return text.split('\n').slice(0, -1);
}

export const readable = (lines: readonly string[]): Readable => Readable.from(`${lines.join('\n')}\n`);
