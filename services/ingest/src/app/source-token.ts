import { hash, randomBytes } from 'node:crypto';

const PREFIX = 'cs_src_';

/** A new token of a source: 256 random bits, in a form that secret scanners can be taught. */
export function newSourceToken(): string {
  return `${PREFIX}${randomBytes(32).toString('base64url')}`;
}

/** What is kept of a token. It has too many random bits for its plain SHA-256 to be turned around. */
export function sourceTokenDigest(token: string): string {
  return hash('sha256', token, 'hex');
}

export function isSourceToken(token: string): boolean {
  return token.startsWith(PREFIX) && token.length === PREFIX.length + 43;
}
