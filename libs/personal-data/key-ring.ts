import { hash, randomBytes } from 'node:crypto';
import { DomainError, isJsonObject } from '#libs/kernel';
import { DEPTH, KeyTree } from './key-tree';
import type { Subject } from './subject';

/** What a value is sealed with. */
export interface SubjectKey {
  /** Names the key, and tells nobody whose it is: a hash with a secret, cut off. */
  readonly leaf: string;
  readonly key: Buffer;
}

interface Parts {
  readonly id: string;
  readonly namingKey: Buffer;
  readonly tree: KeyTree;
  readonly upTo: string | null;
}

const MOST_CACHED = 10_000;
/** Somebody can be erased and appear again, with a key of their own each time. */
const MOST_LIVES = 1_000;

/** The keys of everybody whose data the ledger holds. Immutable: an erasure leads to another ring. */
export class KeyRing {
  private readonly bySubject = new Map<string, SubjectKey>();
  private readonly byLeaf = new Map<string, Buffer | null>();

  private constructor(private readonly parts: Parts) {}

  static create(): KeyRing {
    const id = randomBytes(6).toString('base64url');
    return new KeyRing({ id, namingKey: randomBytes(32), tree: KeyTree.create(), upTo: null });
  }

  /** @throws DomainError('invalid_configuration') for what `JSON.stringify(ring)` cannot have written. */
  static parse(text: string): KeyRing {
    try {
      const value: unknown = JSON.parse(text);
      if (!isJsonObject(value)) throw new TypeError('it is not an object');
      const { format, id, namingKey, upTo = null, seeds } = value;
      if (format !== FORMAT) throw new TypeError(`its format is not ${FORMAT}`);
      if (typeof id !== 'string' || typeof namingKey !== 'string') throw new TypeError('id or namingKey is missing');
      if (upTo !== null && typeof upTo !== 'string') throw new TypeError('upTo is no place in the ledger');
      if (!isJsonObject(seeds)) throw new TypeError('it has no seeds');
      return new KeyRing({ id, namingKey: Buffer.from(namingKey, 'hex'), upTo, tree: KeyTree.restore(seeds) });
    } catch (cause) {
      const reason = `is not a ring of keys for personal data: ${cause instanceof Error ? cause.message : String(cause)}`;
      throw new DomainError('invalid_configuration', { field: 'COUNTERSIGN_PERSONAL_KEYS_FILE', reason, cause });
    }
  }

  get id(): string {
    return this.parts.id;
  }

  /** The cursor up to which the ledger's erasures have been carried out on it; null for the beginning. */
  get upTo(): string | null {
    return this.parts.upTo;
  }

  /** The key for what is written now. */
  keyFor(subject: Subject): SubjectKey {
    const name = `${subject.kind}\0${subject.tenant}\0${subject.name}`;
    const cached = this.bySubject.get(name);
    if (cached) return cached;
    for (let life = 0; life < MOST_LIVES; life += 1) {
      const leaf = this.leafOf(name, life);
      const key = this.keyOf(leaf);
      if (key) return remember(this.bySubject, name, { leaf, key });
    }
    throw new DomainError('internal', 'The same subject was erased too often');
  }

  /** The key that a sealed value names; undefined when it was destroyed. */
  keyOf(leaf: string): Buffer | undefined {
    const cached = this.byLeaf.get(leaf);
    if (cached !== undefined) return cached ?? undefined;
    return remember(this.byLeaf, leaf, this.parts.tree.keyOf(leaf) ?? null) ?? undefined;
  }

  /** @param upTo the cursor up to which the ledger's erasures have been carried out then. */
  without(leaves: readonly string[], upTo: string | null): KeyRing {
    return new KeyRing({ ...this.parts, tree: this.parts.tree.without(leaves), upTo });
  }

  toJSON(): object {
    const { id, namingKey, upTo, tree } = this.parts;
    return { format: FORMAT, id, namingKey: namingKey.toString('hex'), upTo, seeds: tree };
  }

  private leafOf(name: string, life: number): string {
    const text = Buffer.concat([this.parts.namingKey, Buffer.from(`${life}\0${name}`)]);
    return hash('sha256', text, 'hex').slice(0, DEPTH);
  }
}

const FORMAT = 'countersign-personal-keys/1';

function remember<Value>(cache: Map<string, Value>, name: string, value: Value): Value {
  if (cache.size >= MOST_CACHED) cache.clear();
  cache.set(name, value);
  return value;
}
