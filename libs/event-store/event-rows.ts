import {
  CATEGORIES,
  type Actor,
  type Category,
  type EventMeta,
  SHELVED_CATEGORIES,
  type ShelvedCategory,
} from '#contracts/envelope';
import { DomainError, type JsonObject } from '#libs/kernel';
import type { RecordedEvent } from './port';

/** The columns of an event as `toRecordedEvent` reads them; `tx` and `position` as text, for they exceed a double. */
export const EVENT_COLUMNS =
  `category, stream, version, id, type, schema_version, tenant, (extract(epoch from time) * 1000)::bigint::text as time, ` +
  `actor, data, meta, encode(hash, 'hex') as hash, tx::text as tx, position::text as position`;

export interface EventRow {
  readonly category: Category;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schema_version: number;
  readonly tenant: string;
  readonly time: string;
  readonly actor: Actor;
  readonly data: JsonObject;
  readonly meta: EventMeta;
  readonly hash: string;
  readonly tx: string;
  readonly position: string;
}

/** @param row may have other columns beside them. */
export function toRecordedEvent(row: EventRow): RecordedEvent {
  const { category, stream, version, id, type, schema_version: schemaVersion, tenant, actor, data, meta } = row;
  const { hash, tx, position } = row;
  const time = new Date(Number(row.time)).toISOString();
  return { category, stream, version, id, type, schemaVersion, tenant, time, actor, data, meta, hash, tx, position };
}

const CATEGORY_NAMES: ReadonlySet<string> = new Set(CATEGORIES);

/**
 * A category as a literal in a statement. A literal, not a parameter: PostgreSQL then plans for the one partition, and
 * neither locks nor looks at the others. Each statement exists once for each category, hence.
 */
export function categoryLiteral(category: Category): string {
  if (!CATEGORY_NAMES.has(category)) {
    throw new DomainError('invalid_field', {
      field: 'category',
      reason: `${category} is not a category of the ledger`,
    });
  }
  return `'${category}'`;
}

const SHELVED_NAMES: ReadonlySet<string> = new Set(SHELVED_CATEGORIES);

/** Whether the events of a category lie on shelves, where each stream has its own and old ones are archived. */
export function isShelved(category: Category): category is ShelvedCategory {
  return SHELVED_NAMES.has(category);
}

/** Selects where a stream of such a category lies: its shelf, and the head of it that was archived, if it was. */
export function homeOf(category: ShelvedCategory, stream: string): string {
  return `select shelf, first_version, archived_version, archived_hash, archived_time from ledger.streams
           where category = ${categoryLiteral(category)} and stream = ${stream}
           order by first_version desc limit 1`;
}

/** A set of categories in a statement's name, of which PostgreSQL keeps only 63 characters. */
export function categoriesKey(categories: readonly Category[]): string {
  return categories.map((category) => CATEGORIES.indexOf(category).toString(36)).join('');
}
