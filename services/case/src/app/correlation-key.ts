import { createHmac } from 'node:crypto';
import { deterministicId } from '#libs/kernel';
import type { Group, NaturalKey } from '../domain/correlation-rule';

/** Names that keys may have: a key may name people, and only its HMAC leaves this process (invariant 9). */
export class CorrelationNames {
  constructor(
    private readonly hmacKey: Buffer,
    private readonly tenant: string,
  ) {}

  /** The stream of a key's cases. */
  stream({ rule, key }: Pick<Group, 'rule' | 'key'>): string {
    return `correlation-${deterministicId('correlation', this.tenant, rule, this.digest(key))}`;
  }

  naturalStream({ rule, key }: NaturalKey): string {
    return `correlation-natural-${deterministicId('natural-key', this.tenant, rule, this.digest(key))}`;
  }

  /** The same for whichever rule names the entity. */
  entityStream({ entity, value }: Group['links'][number]): string {
    return `correlation-entity-${deterministicId('entity', this.tenant, entity, this.digest(value))}`;
  }

  likeness(likeness: string): string {
    return this.digest(likeness).slice(0, 16);
  }

  private digest(text: string): string {
    return createHmac('sha256', this.hmacKey).update(text, 'utf8').digest('hex');
  }
}
