import { createHmac } from 'node:crypto';
import { deterministicId } from '#libs/kernel';
import type { CorrelationMatch } from '../domain/correlation-rule';

/** The stream of a key's cases. The key may name people: only its HMAC enters the name (invariant 9). */
export function correlationStream(tenant: string, match: CorrelationMatch, hmacKey: Buffer): string {
  const digest = createHmac('sha256', hmacKey).update(match.key, 'utf8').digest('hex');
  return `correlation-${deterministicId('correlation', tenant, match.rule, digest)}`;
}
