import { hash as digest } from 'node:crypto';
import { canonicalJson, canonicalText } from './canonical-json';
import type { RecordedEvent } from './port';

/** What the hash covers: every field of a recorded event but `tx`, `position` and `hash` itself. */
export type HashedEvent = Omit<RecordedEvent, 'tx' | 'position' | 'hash'>;

/** The canonical forms of an event's three objects; the store writes them as they are, so each is made once. */
export interface CanonicalParts {
  readonly actor: string;
  readonly data: string;
  readonly meta: string;
}

export function canonicalParts(event: Pick<HashedEvent, 'actor' | 'data' | 'meta'>): CanonicalParts {
  return { actor: canonicalJson(event.actor), data: canonicalJson(event.data), meta: canonicalJson(event.meta) };
}

/**
 * The text that is hashed: the RFC 8785 form of
 * `{actor, category, data, id, meta, previousHash, schemaVersion, stream, tenant, time, type, version}`.
 * Final since the first release (invariant 2): events are never rewritten, so neither names nor order ever change.
 *
 * @param previousHash of the stream's event before, `''` for version 1.
 */
export function hashedText(event: HashedEvent, previousHash: string, parts: CanonicalParts = canonicalParts(event)) {
  return (
    `{"actor":${parts.actor},"category":${canonicalText(event.category)},"data":${parts.data}` +
    `,"id":${canonicalText(event.id)},"meta":${parts.meta},"previousHash":"${previousHash}"` +
    `,"schemaVersion":${event.schemaVersion},"stream":${canonicalText(event.stream)}` +
    `,"tenant":${canonicalText(event.tenant)},"time":${canonicalText(event.time)}` +
    `,"type":${canonicalText(event.type)},"version":${event.version}}`
  );
}

/** SHA-256 of `hashedText`, in lower-case hexadecimal. */
export function eventHash(event: HashedEvent, previousHash: string, parts?: CanonicalParts): string {
  return digest('sha256', hashedText(event, previousHash, parts), 'hex');
}
