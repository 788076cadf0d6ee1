import type { TSchema } from 'typebox';
import type { Actor, Category } from '#contracts/envelope';
import { eventContract } from '#contracts/events/index';
import { messageContract, liveTopic } from '#contracts/topics';
import { schemaOf } from '#contracts/versioned-contract';
import { DomainError, findUnstorableText, isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import type { KeyRing } from './key-ring';
import { changePersonal, ERASED, type FieldChange } from './personal-fields';
import { isSealed, isSealedWith, open, seal, type Sealed } from './sealed';
import { person, record, type Subject } from './subject';

/** An event or a message, as far as personal data goes. */
interface Carrier {
  readonly type: string;
  readonly schemaVersion: number;
  readonly tenant: string;
  readonly actor: Actor;
  readonly data: JsonObject;
}
type EventCarrier = Carrier & { readonly category: Category; readonly stream: string };
type MessageCarrier = Carrier & { readonly topic: string; readonly key: string };

/**
 * Seals and opens the personal fields of events and messages, by their contracts (`Personal`, `PersonName`,
 * `PersonalRest`). What the ledger and the bus carry is sealed; what a service works on is open.
 *
 * The values of all fields that belong to the record are sealed together, as `enc` of the data: a list, to which each
 * field `{"enc": 2}` points. It is one encryption for an alert, not fifty. A person's name is sealed where it stands.
 *
 * A field whose key was destroyed opens to `erased` (an object to an empty one, a list likewise).
 */
export class PersonalData {
  /** @param ring of this moment: an erasure changes it. */
  constructor(private readonly ring: () => KeyRing) {}

  /** @throws DomainError('invalid_character') for a value that could not be stored in the open either. */
  sealEvent<Event extends EventCarrier>(event: Event): Event {
    return this.sealed(event, eventSchema(event), recordOf(event.data, event.stream));
  }

  openEvent<Event extends EventCarrier>(event: Event): Event {
    return this.opened(event, eventSchema(event));
  }

  sealMessage<Message extends MessageCarrier>(message: Message): Message {
    return this.sealed(message, messageSchema(message), recordOf(message.data, message.key));
  }

  openMessage<Message extends MessageCarrier>(message: Message): Message {
    return this.opened(message, messageSchema(message));
  }

  /** The record under whose key an event's texts lie: the alert that it came with, else the case, else its stream. */
  recordOf({ data, stream }: Pick<EventCarrier, 'data' | 'stream'>): string {
    return recordOf(data, stream);
  }

  /** The name of the key that a subject's data is sealed with now. */
  keyNameOf(subject: Subject): string {
    return this.ring().keyFor(subject).leaf;
  }

  /** Whether all of these keys have been destroyed. */
  areDestroyed(keyNames: readonly string[]): boolean {
    const ring = this.ring();
    return keyNames.every((leaf) => ring.keyOf(leaf) === undefined);
  }

  private sealed<Item extends Carrier>(item: Item, schema: TSchema | undefined, stream: string): Item {
    if (isSealed(item.data['enc'])) return item;
    const ring = this.ring();
    const { tenant } = item;
    const sealName = (name: JsonValue): JsonValue =>
      typeof name === 'string' ? { enc: seal(name, ring.id, ring.keyFor(person(tenant, name))) } : name;
    const values: JsonValue[] = [];
    const put = (value: JsonValue) => ({ enc: values.push(value) - 1 });
    const change: FieldChange = {
      record: put,
      person: sealName,
      rest(object, isPersonal) {
        const [kept, rest] = split(object, isPersonal);
        return Object.keys(rest).length === 0 ? kept : { ...kept, ...put(rest) };
      },
    };
    const key = () => ring.keyFor(record(tenant, stream));
    try {
      const actor = sealedActor(item.actor, sealName);
      const before = sealedBefore(item.data);
      if (schema && before && isSealedWith(before.whole, ring.id, key())) {
        const others = changePersonal(schema, before.others, change);
        if (values.length === 0) return { ...item, actor, data: { ...others, ...before.forms, enc: before.whole } };
        values.length = 0;
      }
      const data = schema ? changePersonal(schema, item.data, change) : item.data;
      if (values.length === 0) return { ...item, actor, data };
      return { ...item, actor, data: { ...data, enc: seal(values, ring.id, key()) } };
    } catch (error) {
      const field = error instanceof DomainError && findUnstorableText(item.data, 'data');
      throw field ? new DomainError(error.code, { field, reason: error.reason, cause: error }) : error;
    }
  }

  private opened<Item extends Carrier>(item: Item, schema: TSchema | undefined): Item {
    const ring = this.ring();
    const { enc, ...rest } = item.data;
    const isWhole = isSealed(enc);
    const values = isWhole ? open(enc, ring) : undefined;
    const valueAt = (place: unknown): JsonValue | undefined =>
      Array.isArray(values) && typeof place === 'number' ? values[place] : undefined;
    const openName = (value: JsonValue): JsonValue =>
      isJsonObject(value) && isSealed(value['enc']) ? (open(value['enc'], ring) ?? ERASED) : value;
    const change: FieldChange = {
      record: (value, erased) => (isWhole && isJsonObject(value) ? (valueAt(value['enc']) ?? erased) : value),
      person: openName,
      rest(object) {
        if (!isWhole) return object;
        const { enc: place, ...kept } = object;
        const personal = valueAt(place);
        return isJsonObject(personal) ? { ...kept, ...personal } : kept;
      },
    };
    const data = schema ? changePersonal(schema, isWhole ? rest : item.data, change) : item.data;
    if (isWhole && values !== undefined) rememberForms(data, rest, enc);
    return { ...item, actor: openedActor(item.actor, openName), data };
  }
}

/**
 * The sealed form of what was opened, and the whole that it points into. An alert that goes from a message into an event as
 * it is, is so sealed once: under the same key, the same text needs no other nonce. What was opened is never changed in
 * place: to change it is to make another object.
 */
const formsOfOpened = new WeakMap<object, { readonly whole: Sealed; readonly form: JsonValue }>();

function rememberForms(data: JsonObject, sealed: JsonObject, whole: Sealed): void {
  for (const [name, value] of Object.entries(data)) {
    const form = sealed[name];
    if (typeof value !== 'object' || value === null || form === undefined || form === value) continue;
    formsOfOpened.set(value, { whole, form });
  }
}

/** Undefined unless all that was opened of it came from one whole. */
function sealedBefore(data: JsonObject) {
  const others: JsonObject = {};
  const forms: JsonObject = {};
  let whole: Sealed | undefined;
  for (const [name, value] of Object.entries(data)) {
    const known = typeof value === 'object' && value !== null ? formsOfOpened.get(value) : undefined;
    if (known && whole !== undefined && known.whole !== whole) return undefined;
    whole ??= known?.whole;
    if (known) forms[name] = known.form;
    else others[name] = value;
  }
  return whole === undefined ? undefined : { whole, forms, others };
}

/** A service, a source and an agent are nobody; the human behind an agent is. */
function sealedActor(actor: Actor, sealName: (name: string) => JsonValue): Actor {
  const { kind, id, behalfOf } = actor;
  if (kind !== 'human' && behalfOf === undefined) return actor;
  // Where it is stored, an actor's name is an object; whoever works with it gets it open.
  return {
    kind,
    id: kind === 'human' ? sealName(id) : id,
    ...(behalfOf !== undefined && { behalfOf: sealName(behalfOf) }),
  } as Actor;
}

function openedActor(actor: Actor, openName: (value: JsonValue) => JsonValue): Actor {
  const { kind, id, behalfOf } = actor;
  if (typeof id === 'string' && (behalfOf === undefined || typeof behalfOf === 'string')) return actor;
  return { kind, id: openName(id), ...(behalfOf !== undefined && { behalfOf: openName(behalfOf) }) } as Actor;
}

function eventSchema({ category, type, schemaVersion }: EventCarrier): TSchema | undefined {
  return schemaOf(eventContract(category, type), schemaVersion);
}

/** What died keeps the contract of the topic that it died on. */
function messageSchema({ topic, type, schemaVersion }: MessageCarrier): TSchema | undefined {
  return schemaOf(messageContract(liveTopic(topic), type), schemaVersion);
}

/** The record that a text belongs to: the alert that it came with, else the case, else the stream. */
function recordOf(data: JsonObject, stream: string): string {
  const { alertId, caseId, receiptId } = data;
  if (typeof alertId === 'string') return `alert-${alertId}`;
  if (typeof caseId === 'string') return `case-${caseId}`;
  return typeof receiptId === 'string' ? `alert-${receiptId}` : stream;
}

function split(object: JsonObject, isPersonal: (key: string) => boolean): [JsonObject, JsonObject] {
  const entries = Object.entries(object);
  return [
    Object.fromEntries(entries.filter(([key]) => !isPersonal(key))),
    Object.fromEntries(entries.filter(([key]) => isPersonal(key))),
  ];
}
