import { generateKeyPairSync } from 'node:crypto';
import type { SigningKey } from '#contracts/action';
import { DomainError } from '#libs/kernel';
import { KeyRing, signSigningKey, verifySigningKey } from './index';

const root = generateKeyPairSync('ed25519');
const pair = generateKeyPairSync('ed25519');
const key = signSigningKey(
  {
    purpose: 'warrant',
    publicKey: pair.publicKey,
    notBefore: '2026-01-01T00:00:00.000Z',
    notAfter: '2027-01-01T00:00:00.000Z',
  },
  root.privateKey,
);
const during = new Date('2026-06-01T00:00:00Z');

function refusedField(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError && error.code === 'signing_key_invalid') return error.field;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a signing key', () => {
  it('is believed when the pinned root has signed it', () => {
    expect(verifySigningKey(key, root.publicKey).equals(pair.publicKey)).toBe(true);
  });

  it('is refused under another root', () => {
    const other = generateKeyPairSync('ed25519');
    expect(refusedField(() => verifySigningKey(key, other.publicKey))).toBe('rootKeyId');
    const renamed = {
      ...signSigningKey({ ...key, publicKey: pair.publicKey }, other.privateKey),
      rootKeyId: key.rootKeyId,
    };
    expect(refusedField(() => verifySigningKey(renamed, root.publicKey))).toBe('rootSignature');
  });

  const changes: Record<string, Partial<SigningKey>> = {
    purpose: { purpose: 'checkpoint' },
    notBefore: { notBefore: '2025-01-01T00:00:00.000Z' },
    notAfter: { notAfter: null },
    keyId: { keyId: 'another' },
    publicKey: { publicKey: 'A'.repeat(43) },
    rootSignature: { rootSignature: 'A'.repeat(86) },
  };
  it.each(Object.entries(changes))('is refused after a change of %s', (_, change) => {
    expect(() => verifySigningKey({ ...key, ...change }, root.publicKey)).toThrow(DomainError);
  });
});

describe('a key ring', () => {
  it('gives a key for its purpose, within its validity, and never else', () => {
    const ring = new KeyRing(root.publicKey);
    ring.add(key);
    expect(ring.publicKey(key.keyId, 'warrant', during)?.equals(pair.publicKey)).toBe(true);
    expect(ring.publicKey(key.keyId, 'checkpoint', during)).toBeUndefined();
    expect(ring.publicKey(key.keyId, 'warrant', new Date('2025-12-31T23:59:59.999Z'))).toBeUndefined();
    expect(ring.publicKey(key.keyId, 'warrant', new Date('2027-01-01T00:00:00.000Z'))).toBeUndefined();
    expect(ring.publicKey('unknown', 'warrant', during)).toBeUndefined();
  });

  it('takes no key in that the root does not vouch for', () => {
    const ring = new KeyRing(generateKeyPairSync('ed25519').publicKey);
    expect(() => ring.add(key)).toThrow(DomainError);
    expect(ring.size).toBe(0);
  });

  it('lets an ended key end, even when the event that published it is replayed', () => {
    const ring = new KeyRing(root.publicKey);
    const ended = signSigningKey(
      { ...key, publicKey: pair.publicKey, notAfter: '2026-03-01T00:00:00.000Z' },
      root.privateKey,
    );
    ring.add(key);
    ring.add(ended);
    ring.add(key);
    expect(ring.publicKey(key.keyId, 'warrant', during)).toBeUndefined();
  });
});
