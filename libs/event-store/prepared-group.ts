import { CATEGORIES, type Category } from '#contracts/envelope';
import { DomainError, findUnstorableText, isStorableText, type JsonValue } from '#libs/kernel';
import { canonicalJson } from './canonical-json';
import { type CanonicalParts, eventHash } from './event-hash';
import { type AppendGroup, type NewEvent, type RecordedEvent, type StreamAppend, type StreamHead } from './port';
import { StreamMap } from './stream-map';

/** An event that has been checked and hashed. All that is missing is its place, which the store fills in. */
export interface PreparedEvent {
  readonly event: RecordedEvent & { tx: string; position: string };
  readonly canonical: CanonicalParts;
}

export interface PreparedStream {
  readonly append: StreamAppend;
  readonly events: readonly PreparedEvent[];
  readonly head: StreamHead;
}

/** The time of a stream's last event, where a writer knows it: new events may not lie before it. */
export type TimeFloor = (category: Category, stream: string) => string | undefined;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const HASH = /^[0-9a-f]{64}$/;
/** Of stream, tenant and type, in UTF-16 units: far more than we use, and far less than an index entry can hold. */
const MAX_NAME = 400;
const MAX_INTEGER = 2_147_483_647;
const CATEGORY_NAMES: ReadonlySet<string> = new Set(CATEGORIES);

/**
 * Checks a group and computes what will stand in the ledger: versions, raised times, canonical forms, hashes.
 * @throws DomainError('invalid_character' | 'invalid_field') naming the field: `events[0].data.user`, `stream`.
 */
export function prepareGroup(group: AppendGroup, floorOf?: TimeFloor): PreparedStream[] {
  if (group.length === 0) refuse('group', 'a group needs at least one stream');
  if (group.length > 1) assertDistinctStreams(group);
  return group.map((append) => prepareStream(append, floorOf?.(append.category, append.stream) ?? ''));
}

function assertDistinctStreams(group: AppendGroup): void {
  const seen = new StreamMap<true>();
  for (const { category, stream } of group) {
    if (seen.has(category, stream)) {
      refuse('stream', `${stream} stands twice in the group; put its events into one list`);
    }
    seen.set(category, stream, true);
  }
}

/** What `headAfter` has computed: the append that follows need not compute it again. */
const preparedBefore = new WeakMap<StreamAppend, PreparedStream>();

function prepareStream(append: StreamAppend, floor: string): PreparedStream {
  const before = preparedBefore.get(append);
  const [firstOne] = append.events;
  if (before && firstOne && firstOne.time >= floor) return before;
  checkStream(append);
  const { category, stream, tenant, expected } = append;
  let { version, hash } = expected;
  let time = floor;
  const events = append.events.map((given, index): PreparedEvent => {
    checkEnvelope(given, index);
    const canonical = canonicalFields(given, index);
    version += 1;
    // Both are of the same fixed format, so that text order is time order.
    if (given.time > time) time = given.time;
    const { id, type, schemaVersion, actor, data, meta } = given;
    const place = { hash: '', tx: '', position: '' };
    const event = { category, stream, version, id, type, schemaVersion, tenant, time, actor, data, meta, ...place };
    hash = eventHash(event, hash, canonical);
    event.hash = hash;
    return { event, canonical };
  });
  return { append, events, head: { version, hash } };
}

/** The head that `append` leaves when it is written, for a later group of the same `appendMany` that continues it. */
export function headAfter(append: StreamAppend): StreamHead {
  const prepared = prepareStream(append, '');
  preparedBefore.set(append, prepared);
  return prepared.head;
}

function checkStream({ category, stream, tenant, expected, events }: StreamAppend): void {
  if (!CATEGORY_NAMES.has(category)) refuse('category', `${String(category)} is not a category of the ledger`);
  checkName(stream, 'stream');
  checkName(tenant, 'tenant');
  const { version, hash } = expected;
  if (!Number.isInteger(version) || version < 0 || version + events.length > MAX_INTEGER) {
    refuse('expected.version', `${version} is not a version`);
  }
  if (version === 0 ? hash !== '' : !HASH.test(hash)) {
    refuse('expected.hash', 'must be the hash of the event with the expected version, or empty for version 0');
  }
  if (events.length === 0) refuse('events', 'an append needs at least one event');
}

function checkEnvelope({ id, type, schemaVersion, time }: NewEvent, index: number): void {
  if (!UUID.test(id)) refuse(`events[${index}].id`, `${id} is not a UUID in lower case`);
  checkName(type, `events[${index}].type`);
  if (!Number.isInteger(schemaVersion) || schemaVersion < 1 || schemaVersion > MAX_INTEGER) {
    refuse(`events[${index}].schemaVersion`, `${schemaVersion} is not a positive integer`);
  }
  if (!isTime(time)) refuse(`events[${index}].time`, `${time} is not of the form 2026-11-24T09:30:00.000Z`);
}

/** Events of a batch mostly carry the same time. */
let lastGoodTime = '';

function isTime(time: string): boolean {
  if (time === lastGoodTime) return true;
  if (!TIME.test(time)) return false;
  const date = new Date(time);
  if (Number.isNaN(date.getTime()) || date.toISOString() !== time) return false;
  lastGoodTime = time;
  return true;
}

function checkName(name: string, field: string): void {
  if (name.length === 0 || name.length > MAX_NAME) refuse(field, `must have 1 to ${MAX_NAME} characters`);
  if (!isStorableText(name)) refuseCharacter(field);
}

function canonicalFields(event: NewEvent, index: number): CanonicalParts {
  return {
    actor: canonicalField(event.actor, `events[${index}].actor`),
    data: canonicalField(event.data, `events[${index}].data`),
    meta: canonicalField(event.meta, `events[${index}].meta`),
  };
}

/** The canonical form, in which a NUL shows as `\u0000`; the slow search runs only when that could be one. */
function canonicalField(value: object, field: string): string {
  try {
    const canonical = canonicalJson(value);
    if (canonical.includes('\\u0000')) refuseUnstorable(value, field);
    return canonical;
  } catch (error) {
    if (!(error instanceof DomainError) || error.field !== undefined) throw error;
    if (error.code === 'invalid_character') refuseUnstorable(value, field);
    throw new DomainError(error.code, { field, reason: error.reason });
  }
}

function refuseUnstorable(value: object, field: string): void {
  const path = findUnstorableText(JSON.parse(JSON.stringify(value)) as JsonValue, field);
  if (path !== undefined) refuseCharacter(path);
}

function refuseCharacter(path: string): never {
  // The path can itself be a key with such a character.
  const field = path.toWellFormed().replaceAll('\0', '\\u0000');
  throw new DomainError('invalid_character', {
    field,
    reason: 'the text holds NUL or a lone surrogate, which cannot be stored; remove or escape it',
  });
}

function refuse(field: string, reason: string): never {
  throw new DomainError('invalid_field', { field, reason });
}
