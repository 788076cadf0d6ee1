import { sign, verify, type KeyObject } from 'node:crypto';
import type { WarrantClaims } from '#contracts/action';
import { DomainError } from '#libs/kernel';
import { isWarrantClaims, requireContract } from './contract-check';
import type { SigningKeys } from './key-ring';

const HEADER_TYPE = 'countersign-warrant+jwt';
/** The fully specified name of RFC 9864; nothing else is ever accepted, so no algorithm can be confused with another. */
const ALGORITHM = 'Ed25519';
const MAX_LENGTH = 8192;

/** The private half of a published signing key. */
export interface Signer {
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

/** What the verifier itself knows; nothing of it is taken from the token. */
export interface WarrantExpectation {
  readonly tenant: string;
  readonly actionId: string;
  /** Computed by the verifier from the request it is about to run (`actionDigest`). */
  readonly digest: string;
  readonly keys: SigningKeys;
  /** The database's clock (invariant 6). */
  readonly now: Date;
  /** True for what is disruptive: a warrant without a human in it is refused (invariant 4). */
  readonly requireApprover: boolean;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');

/** The claims as a compact JWS (RFC 7515), signed with Ed25519. Throws DomainError('warrant_invalid') for impossible claims. */
export function signWarrant(claims: WarrantClaims, signer: Signer): string {
  requireSoundClaims(claims);
  const signed = `${encode({ alg: ALGORITHM, typ: HEADER_TYPE, kid: signer.keyId })}.${encode(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed, 'ascii'), signer.privateKey).toString('base64url')}`;
}

/**
 * The claims of a warrant that allows exactly this action, now.
 * Throws DomainError: `warrant_missing`, `warrant_expired`, or `warrant_invalid` with what does not fit. That it has not
 * been spent or revoked is what appending ActionStarted to the action's stream decides.
 */
export function verifyWarrant(jws: string | null | undefined, expected: WarrantExpectation): WarrantClaims {
  if (jws === null || jws === undefined || jws === '') {
    throw new DomainError('warrant_missing', `Action ${expected.actionId} may not run without a warrant.`);
  }
  const claims = readSignedClaims(jws, expected);
  requireSoundClaims(claims);
  if (claims.tenant !== expected.tenant) throw invalid('tenant', 'It was issued for another tenant.');
  if (claims.actionId !== expected.actionId) throw invalid('actionId', `It was issued for action ${claims.actionId}.`);
  if (claims.digest !== expected.digest) {
    throw invalid('digest', 'The action is not the one that was approved: the digests differ.');
  }
  if (expected.requireApprover && claims.approvers.length === 0) {
    throw invalid('approvers', 'A disruptive action needs a human, and nobody granted this one.');
  }
  const now = expected.now.getTime();
  if (now < claims.nbf * 1000) throw invalid('nbf', `It is not valid before ${timestamp(claims.nbf)}.`);
  if (now >= claims.exp * 1000)
    throw new DomainError('warrant_expired', `The warrant expired at ${timestamp(claims.exp)}.`);
  return claims;
}

function readSignedClaims(jws: string, { keys, now }: WarrantExpectation): WarrantClaims {
  const parts = jws.length > MAX_LENGTH ? [] : jws.split('.');
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw invalid('', 'It is not a compact JWS.');
  }
  const kid = keyIdFrom(decode(header));
  const key = keys.publicKey(kid, 'warrant', now);
  if (key === undefined) throw invalid('kid', `Key ${kid} may not sign warrants at this time.`);
  if (!verify(null, Buffer.from(`${header}.${payload}`, 'ascii'), key, bytes(signature))) {
    throw invalid('signature', 'The signature does not match.');
  }
  const claims = decode(payload);
  requireContract(isWarrantClaims, claims, 'warrant_invalid');
  return claims;
}

/** Exactly the three header fields: `crit`, `jwk`, `x5c` and the like would let a token bring its own rules. */
function keyIdFrom(header: unknown): string {
  if (typeof header !== 'object' || header === null) throw invalid('', 'The header is not an object.');
  const { alg, typ, kid, ...others } = header as Record<string, unknown>;
  if (alg !== ALGORITHM) throw invalid('alg', `The algorithm must be ${ALGORITHM}.`);
  if (typ !== HEADER_TYPE) throw invalid('typ', `The type must be ${HEADER_TYPE}.`);
  if (typeof kid !== 'string') throw invalid('kid', 'The key id is missing.');
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(other, 'The header may hold alg, typ and kid only.');
  return kid;
}

/** Strict base64url: a text that decodes to the same bytes in another spelling is refused. */
function bytes(text: string): Buffer {
  const decoded = Buffer.from(text, 'base64url');
  if (decoded.toString('base64url') !== text) throw invalid('', 'It is not base64url.');
  return decoded;
}

function decode(text: string): unknown {
  const decoded = bytes(text);
  try {
    return JSON.parse(decoded.toString('utf8'));
  } catch (cause) {
    throw new DomainError('warrant_invalid', { reason: 'A part of it is not JSON.', cause });
  }
}

/** Invariant 4 stands in the claims themselves: no disruptive effect without a human, at issue and at use. */
function requireSoundClaims(claims: WarrantClaims): void {
  if (claims.effect === 'read') throw invalid('effect', 'A read needs no warrant and gets none.');
  if (claims.effect === 'disruptive' && claims.approvers.length === 0) {
    throw invalid('approvers', 'No warrant for a disruptive action is issued without a human.');
  }
  if (new Set(claims.approvers).size !== claims.approvers.length) {
    throw invalid('approvers', 'An approver stands in it twice.');
  }
  if (claims.exp <= claims.nbf) throw invalid('exp', 'It expires before it begins.');
}

const invalid = (field: string, reason: string) =>
  new DomainError('warrant_invalid', { ...(field === '' ? {} : { field }), reason });
const timestamp = (seconds: number): string => new Date(seconds * 1000).toISOString();
