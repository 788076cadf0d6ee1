import type { KeyObject } from 'node:crypto';
import type { SigningKey } from '#contracts/action';
import { verifySigningKey, type SigningPurpose } from './signing-key';

/** Where a verifier looks up the key that a signature names. */
export interface SigningKeys {
  /** The key, when it may sign for `purpose` at that time; else undefined. */
  publicKey(keyId: string, purpose: SigningPurpose, at: Date): KeyObject | undefined;
}

interface Held {
  readonly key: KeyObject;
  readonly purpose: SigningPurpose;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A service's own copy of the signing keys, fed by SigningKeyPublished events, under the root that is pinned by configuration. */
export class KeyRing implements SigningKeys {
  private readonly held = new Map<string, Held>();

  constructor(private readonly rootPublic: KeyObject) {}

  /**
   * Takes a key in. Adding one again is harmless and can only shorten its validity: an older event that is replayed
   * does not bring an ended key back.
   * Throws DomainError('signing_key_invalid') when the pinned root does not vouch for it.
   */
  add(signingKey: SigningKey): void {
    const key = verifySigningKey(signingKey, this.rootPublic);
    const before = this.held.get(signingKey.keyId);
    // One key with two purposes could be made to sign one thing as another: the first purpose stays.
    if (before !== undefined && before.purpose !== signingKey.purpose) return;
    const notAfter = signingKey.notAfter === null ? Infinity : Date.parse(signingKey.notAfter);
    this.held.set(signingKey.keyId, {
      key,
      purpose: signingKey.purpose,
      notBefore: Math.max(Date.parse(signingKey.notBefore), before?.notBefore ?? -Infinity),
      notAfter: Math.min(notAfter, before?.notAfter ?? Infinity),
    });
  }

  publicKey(keyId: string, purpose: SigningPurpose, at: Date): KeyObject | undefined {
    const held = this.held.get(keyId);
    if (held === undefined || held.purpose !== purpose) return undefined;
    return at.getTime() >= held.notBefore && at.getTime() < held.notAfter ? held.key : undefined;
  }

  get size(): number {
    return this.held.size;
  }
}
