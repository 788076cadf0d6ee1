import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';
import { createKeyFile } from '#libs/personal-data';

const FILE = 'correlation.hmac';
const BYTES = 32;

/**
 * The key that hides what alerts are correlated by (invariant 9). Every instance needs the same one: with another, an
 * alert of an open window would open a second case.
 *
 * @param configured COUNTERSIGN_HMAC_KEY: at least 32 bytes in base64. Without it, one is made in the keys folder.
 * @throws DomainError('invalid_configuration')
 */
export function loadHmacKey(configured: string | undefined, keysFolder: string): Buffer {
  if (configured !== undefined) {
    const key = Buffer.from(configured, 'base64');
    if (key.length < BYTES) {
      throw new DomainError('invalid_configuration', {
        field: 'COUNTERSIGN_HMAC_KEY',
        reason: `must be at least ${BYTES} random bytes in base64: \`openssl rand -base64 32\` makes such a key`,
      });
    }
    return key;
  }
  const file = join(keysFolder, FILE);
  try {
    createKeyFile(file, randomBytes(BYTES));
    return readFileSync(file);
  } catch (cause) {
    throw new DomainError('invalid_configuration', {
      field: 'COUNTERSIGN_HMAC_KEY',
      reason: `is not set, and no key can be kept in ${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}
