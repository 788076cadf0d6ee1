import type { KeyObject } from 'node:crypto';
import type { AuditProblem, AuditReport } from '#contracts/audit';
import { SigningKey } from '#contracts/action';
import { CheckpointSigned } from '#contracts/events/checkpoint';
import { type ChainedEvent, type ChainFault, ChainVerifier, MerkleTree, type RecordedEvent } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { KeyRing } from '#libs/warrant';
import { Check } from 'typebox/value';
import { CHECKPOINT_KEYS, CHECKPOINT_LOG, checkpointDigest, signatureProblem } from './checkpoint';
import { type Leaf, LeafWindow } from './leaf-window';
import { WitnessCheck } from './witness-check';

export interface VerifierOptions {
  /** The pinned root: the only thing that has to be trusted. */
  readonly rootPublicKey: KeyObject;
  /** A checkpoint that was kept elsewhere: it finds a cut-off tail, together with the checkpoints in it. */
  readonly witness?: CheckpointSigned;
  /** `stream`: one stream alone, which no checkpoint can be held against. */
  readonly scope?: 'ledger' | 'stream';
}

const MAX_PROBLEMS = 100;

/**
 * Verifies a ledger as it streams by in (tx, position) order (invariant 2): hash chains, order, the checkpoints' own
 * chain, their signatures under the pinned root, and the tree that each has signed. It keeps a head for each stream and
 * the leaves since the last checkpoint.
 */
export class LedgerVerifier {
  private readonly chains = new ChainVerifier();
  private readonly keys: KeyRing;
  private readonly tree = MerkleTree.empty();
  private readonly window = new LeafWindow();
  /** Of the last event that a checkpoint has covered. */
  private coveredTo: CheckpointSigned['upTo'] = null;
  private readonly witness: WitnessCheck | undefined;
  private readonly problems: AuditProblem[] = [];
  private problemCount = 0;
  private last: Pick<Leaf, 'tx' | 'position'> | undefined;
  private events = 0;
  private leaves = 0;
  private checkpoints = 0;
  private latest: CheckpointSigned | undefined;
  private good: CheckpointSigned | undefined;

  constructor(private readonly options: VerifierOptions) {
    this.keys = new KeyRing(options.rootPublicKey);
    this.witness = options.witness && new WitnessCheck(options.witness);
  }

  add(event: RecordedEvent): void {
    this.events += 1;
    this.chains.add(event);
    this.grow(event, event);
    const { category, type, stream } = event;
    if (this.options.scope === 'stream' || category !== 'checkpoint') return;
    if (type === 'SigningKeyPublished' && stream === CHECKPOINT_KEYS) this.learn(event);
    else if (type === 'CheckpointSigned' && stream === CHECKPOINT_LOG) this.check(event);
  }

  /**
   * An event of another category than `checkpoint`, by what of it this verifies.
   * @param hashAfter the hash that it must have after one with `previousHash`.
   */
  addHashed(event: ChainedEvent & Leaf, hashAfter: (previousHash: string) => string): void {
    this.events += 1;
    this.chains.addHashed(event, hashAfter);
    this.grow(event, event);
  }

  /** An event of which only the place and the hash are shown: another tenant's. */
  addLeaf(leaf: Leaf): void {
    this.leaves += 1;
    this.grow(leaf);
  }

  /** Something wrong that the source of the events has found. */
  problem(problem: AuditProblem): void {
    this.problemCount += 1;
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(problem);
  }

  report(): AuditReport {
    const witness = this.judgeWitness();
    const chain = this.chains.report();
    const coveredEvents = this.good?.size ?? 0;
    const clean = chain.faultCount === 0 && this.problemCount === 0;
    const numbers = { events: this.events, leaves: this.leaves, streams: chain.streams };
    const verified =
      clean &&
      (this.options.scope === 'stream' ? this.events > 0 : this.good !== undefined && this.window.uncovered === 0);
    return {
      verified,
      summary: this.summary(clean, chain.faultCount + this.problemCount, witness),
      ...numbers,
      chains: chain.faultCount === 0 ? 'ok' : chain.faults.map(chainProblem),
      problems: this.problems,
      problemCount: chain.faultCount + this.problemCount,
      checkpoints: this.checkpoints,
      coveredEvents,
      uncoveredEvents: this.options.scope === 'stream' ? this.events : this.window.uncovered,
      lastCheckpoint: this.good ?? null,
      witness,
    };
  }

  private grow({ tx, position, hash }: Leaf, event?: ChainedEvent): void {
    const { last } = this;
    if (last && (compareIntegers(tx, last.tx) || compareIntegers(position, last.position)) <= 0) {
      this.problem({
        kind: 'out_of_order',
        reason: `(${tx}, ${position}) comes after (${last.tx}, ${last.position})`,
        ...(event && { stream: event.stream, version: event.version }),
      });
    }
    this.last = { tx, position };
    if (this.options.scope === 'stream') return;
    // A table that was tampered with can hold numbers that no leaf has: any other leaf breaks the root as well.
    const leaf = { tx: toUint64(tx), position: toUint64(position), hash };
    this.window.push(leaf, event?.category !== 'checkpoint');
    this.witness?.addLeaf(leaf);
  }

  private learn({ data, stream, version }: RecordedEvent): void {
    try {
      if (!Check(SigningKey, data)) throw new DomainError('signing_key_invalid', 'It is not a signing key.');
      this.keys.add(data);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      this.problem({ kind: 'key_invalid', reason: error.message, stream, version });
    }
  }

  private check({ data: checkpoint, stream, version }: RecordedEvent): void {
    this.checkpoints += 1;
    // An export can hold a text that no store takes, and that has no canonical form.
    if (!Check(CheckpointSigned, checkpoint) || !checkpoint.keyId.isWellFormed()) {
      this.problem({ kind: 'checkpoint_invalid', reason: 'it is not a checkpoint', stream, version });
      return;
    }
    this.witness?.addCheckpoint(checkpoint);
    const { sequence, size, upTo, previous } = checkpoint;
    const found = this.problemCount;
    const fault = (kind: AuditProblem['kind'], reason: string) =>
      this.problem({ kind, reason, stream, version, sequence });
    const before = this.latest;
    if (sequence !== (before?.sequence ?? 0) + 1) {
      fault('checkpoint_chain', `checkpoint ${sequence} follows checkpoint ${before?.sequence ?? 0}`);
    } else if (previous !== (before ? checkpointDigest(before) : null)) {
      fault('checkpoint_chain', `checkpoint ${sequence} names another one as the one before it`);
    }
    this.latest = checkpoint;
    const unsigned = signatureProblem(checkpoint, this.keys);
    if (unsigned !== undefined) fault('checkpoint_signature', unsigned);
    // The checkpoint's own event is in the window already, and never covered by itself.
    const more = size - this.tree.size;
    if (more < 0 || more >= this.window.length) {
      fault(
        'checkpoint_size',
        `it covers ${size} events, of which ${this.tree.size + this.window.length - 1} are there`,
      );
      return;
    }
    const last = this.window.moveInto(this.tree, more);
    if (last) this.coveredTo = { tx: last.tx, position: last.position };
    const { coveredTo } = this;
    if (upTo?.tx !== coveredTo?.tx || upTo?.position !== coveredTo?.position) {
      fault('checkpoint_root', `its last event is another one than (${coveredTo?.tx}, ${coveredTo?.position})`);
    }
    if (this.tree.root() !== checkpoint.root) {
      fault('checkpoint_root', `the ${size} events that it covers are not those that were signed`);
    }
    if (this.problemCount > found) return;
    this.good = checkpoint;
  }

  private judgeWitness(): AuditReport['witness'] {
    if (!this.witness) return null;
    const problem =
      this.options.scope === 'stream'
        ? this.witness.missing('one stream alone cannot be held against a checkpoint')
        : this.witness.problem(this.keys, this.events + this.leaves);
    if (!problem) return 'agrees';
    this.problem(problem);
    return 'contradicts';
  }

  private summary(clean: boolean, faults: number, witness: AuditReport['witness']): string {
    const { scope, witness: kept } = this.options;
    if (!clean) return `${counted(faults, 'problem')} found: this is not what was recorded.`;
    if (scope === 'stream')
      return `The chain of ${counted(this.events, 'event')} holds; one stream alone says nothing of its end.`;
    if (!this.good) return 'All chains hold; no signed checkpoint says up to where the ledger is complete.';
    const { sequence, signedAt } = this.good;
    const { uncovered } = this.window;
    return [
      `Complete to checkpoint ${sequence}, signed at ${signedAt}`,
      witness === 'agrees' && kept ? `, and the witness (checkpoint ${kept.sequence}) agrees` : '',
      uncovered > 0 ? `; ${counted(uncovered, 'event')} after it in no checkpoint yet` : '',
      this.leaves > 0 ? `; ${counted(this.leaves, 'event')} of other tenants known by the hash alone` : '',
      '.',
    ].join('');
  }
}

/** As it stands where it cannot be another one: this is asked twice for each event. */
function toUint64(text: string): string {
  return text.length < 20 && !text.startsWith('-') ? text : String(BigInt.asUintN(64, BigInt(text)));
}

/** Decimal texts without leading zeros. */
function compareIntegers(one: string, other: string): number {
  if (one.startsWith('-') || other.startsWith('-')) return Number(BigInt(one) - BigInt(other));
  if (one.length !== other.length) return one.length - other.length;
  return one === other ? 0 : one < other ? -1 : 1;
}
const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

function chainProblem({ kind, stream, version, reason }: ChainFault): AuditProblem {
  return { kind, stream, version, reason };
}
