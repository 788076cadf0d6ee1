import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import type { ActionRequest, WarrantClaims } from '#contracts/action';
import { DomainError } from '#libs/kernel';
import { actionDigest, KeyRing, publicKeyText, signSigningKey, signWarrant, verifyWarrant, type Signer } from './index';

const root = generateKeyPairSync('ed25519');
const pair = generateKeyPairSync('ed25519');
const published = signSigningKey(
  { purpose: 'warrant', publicKey: pair.publicKey, notBefore: '2026-01-01T00:00:00.000Z', notAfter: null },
  root.privateKey,
);
const signer: Signer = { keyId: published.keyId, privateKey: pair.privateKey };
const keys = new KeyRing(root.publicKey);
keys.add(published);

const request: ActionRequest = {
  actionId: '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c11',
  runId: '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c12',
  caseId: '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c13',
  stepId: 'action--0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c14',
  playbookId: 'playbook--0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c15',
  playbookDigest: 'a'.repeat(64),
  connectionId: 'firewall',
  connectionVersion: 1,
  connector: 'firewall',
  manifestVersion: 'b'.repeat(64),
  action: 'block',
  target: { type: 'ipv4-addr', value: '203.0.113.7' },
  parameters: { minutes: 60, nested: { list: ['a', 1, null, true] } },
  title: 'Block',
  reason: 'Because',
  timeoutMs: 30_000,
};
const digest = actionDigest('default', request);
const seconds = (time: string) => Date.parse(time) / 1000;
const claims: WarrantClaims = {
  iss: 'countersign-approval',
  jti: '0b0c1e0a-6f0d-5b53-8b43-0a5a2a3b1c16',
  tenant: 'default',
  actionId: request.actionId,
  digest,
  effect: 'disruptive',
  approvers: ['olga'],
  policyVersion: 'p1',
  iat: seconds('2026-11-24T10:00:00Z'),
  nbf: seconds('2026-11-24T10:00:00Z'),
  exp: seconds('2026-11-24T10:10:00Z'),
};
const expected = {
  tenant: 'default',
  actionId: request.actionId,
  digest,
  keys,
  now: new Date('2026-11-24T10:05:00Z'),
  requireApprover: true,
};

function refusal(act: () => unknown): { code: string; field: string | undefined } {
  try {
    act();
  } catch (error) {
    if (error instanceof DomainError) return { code: error.code, field: error.field };
    throw error;
  }
  throw new Error('it was accepted');
}
const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
function forged(header: Record<string, unknown>, payload: unknown = claims): string {
  const signed = `${b64(header)}.${b64(payload)}`;
  return `${signed}.${sign(null, Buffer.from(signed), pair.privateKey).toString('base64url')}`;
}
const header = { alg: 'Ed25519', typ: 'countersign-warrant+jwt', kid: published.keyId };

describe('a warrant', () => {
  it('allows the action that it was issued for', () => {
    expect(verifyWarrant(signWarrant(claims, signer), expected)).toEqual(claims);
  });

  it('is demanded', () => {
    expect(refusal(() => verifyWarrant(null, expected)).code).toBe('warrant_missing');
    expect(refusal(() => verifyWarrant('', expected)).code).toBe('warrant_missing');
  });

  it.each([
    ['tenant', { tenant: 'other' }],
    ['actionId', { actionId: claims.jti }],
    ['digest', { digest: 'c'.repeat(64) }],
    ['nbf', { now: new Date('2026-11-24T09:59:59.999Z') }],
  ])('is refused when the %s is another one', (field, change) => {
    const jws = signWarrant(claims, signer);
    expect(refusal(() => verifyWarrant(jws, { ...expected, ...change }))).toEqual({ code: 'warrant_invalid', field });
  });

  it('is refused from the very moment of its expiry', () => {
    const jws = signWarrant(claims, signer);
    const at = (now: string) => () => verifyWarrant(jws, { ...expected, now: new Date(now) });
    expect(at('2026-11-24T10:09:59.999Z')).not.toThrow();
    expect(refusal(at('2026-11-24T10:10:00.000Z')).code).toBe('warrant_expired');
  });

  it('without a human allows a write and nothing disruptive', () => {
    const jws = signWarrant({ ...claims, effect: 'write', approvers: [] }, signer);
    expect(verifyWarrant(jws, { ...expected, requireApprover: false }).approvers).toEqual([]);
    expect(refusal(() => verifyWarrant(jws, expected)).field).toBe('approvers');
  });

  it('for something disruptive is never issued, nor accepted, without a human', () => {
    const none = { ...claims, approvers: [] };
    expect(refusal(() => signWarrant(none, signer)).field).toBe('approvers');
    const jws = forged(header, none);
    expect(refusal(() => verifyWarrant(jws, { ...expected, requireApprover: false })).field).toBe('approvers');
  });

  it.each([
    ['no algorithm', { ...header, alg: 'none' }, 'alg'],
    ['another name of the algorithm', { ...header, alg: 'EdDSA' }, 'alg'],
    ['another type', { ...header, typ: 'JWT' }, 'typ'],
    ['no type', { alg: header.alg, kid: header.kid }, 'typ'],
    ['no key id', { alg: header.alg, typ: header.typ }, 'kid'],
    ['an unknown key', { ...header, kid: 'unknown' }, 'kid'],
    ['a key of its own', { ...header, jwk: { kty: 'OKP', crv: 'Ed25519', x: published.publicKey } }, 'jwk'],
    ['critical extensions', { ...header, crit: ['b64'], b64: false }, 'crit'],
  ])('is refused with %s in its header, even correctly signed', (_, badHeader, field) => {
    expect(refusal(() => verifyWarrant(forged(badHeader), expected))).toEqual({ code: 'warrant_invalid', field });
  });

  it('is refused when the public key was used as a shared secret', () => {
    const signed = `${b64({ ...header, alg: 'HS256' })}.${b64(claims)}`;
    const mac = createHmac('sha256', publicKeyText(pair.publicKey)).update(signed).digest('base64url');
    expect(refusal(() => verifyWarrant(`${signed}.${mac}`, expected)).field).toBe('alg');
  });

  it('is refused when a key signed it that may sign checkpoints only', () => {
    const other = generateKeyPairSync('ed25519');
    const key = signSigningKey(
      { purpose: 'checkpoint', publicKey: other.publicKey, notBefore: '2026-01-01T00:00:00.000Z', notAfter: null },
      root.privateKey,
    );
    keys.add(key);
    const jws = signWarrant(claims, { keyId: key.keyId, privateKey: other.privateKey });
    expect(refusal(() => verifyWarrant(jws, expected)).field).toBe('kid');
  });

  it.each(['', 'a', 'a.b', 'a.b.c.d', '..', 'é.b.c', `${'a'.repeat(9000)}.b.c`])('is refused as %p', (text) => {
    expect(refusal(() => verifyWarrant(text || 'x', expected)).code).toBe('warrant_invalid');
  });

  it('is refused after any change of one of its characters', () => {
    const jws = signWarrant(claims, signer);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/ ';
    fc.assert(
      fc.property(fc.nat(jws.length - 1), fc.constantFrom(...alphabet), (index, char) => {
        fc.pre(jws[index] !== char);
        const changed = jws.slice(0, index) + char + jws.slice(index + 1);
        expect(refusal(() => verifyWarrant(changed, expected)).code).toBe('warrant_invalid');
      }),
      { numRuns: 2000 },
    );
    // The last character carries four bits that no byte of the signature uses: each spelling is tried.
    for (const char of alphabet) {
      const changed = jws.slice(0, -1) + char;
      if (changed !== jws) expect(refusal(() => verifyWarrant(changed, expected)).code).toBe('warrant_invalid');
    }
  });
});

describe('the digest of an action', () => {
  const bound = Object.keys(request).filter((key) => key !== 'title' && key !== 'reason') as (keyof ActionRequest)[];

  it('does not depend on the order in which parameters are written, nor on the words of the playbook', () => {
    const reordered = {
      ...request,
      title: 'Other',
      reason: '',
      parameters: { nested: request.parameters.nested, minutes: 60 },
    };
    expect(actionDigest('default', reordered)).toBe(digest);
  });

  it('changes with the tenant', () => {
    expect(actionDigest('other', request)).not.toBe(digest);
  });

  it.each(bound)('changes with every change of %s', (field) => {
    const text = fc.string({ minLength: 1, unit: 'grapheme' });
    const value: fc.Arbitrary<unknown> =
      field === 'parameters'
        ? fc.dictionary(text, fc.jsonValue())
        : field === 'target'
          ? fc.oneof(fc.constant(null), fc.record({ type: text, value: text }))
          : typeof request[field] === 'number'
            ? fc.integer({ min: 1 })
            : text;
    fc.assert(
      fc.property(value, (changed) => {
        fc.pre(JSON.stringify(changed) !== JSON.stringify(request[field]));
        expect(actionDigest('default', { ...request, [field]: changed })).not.toBe(digest);
      }),
    );
  });

  it('is the one that this release computes, for ever', () => {
    expect(digest).toMatchInlineSnapshot(`"d3608f3a71137a847150c06864bb365540ad93df8be2b0978c60080135360c3a"`);
  });
});
