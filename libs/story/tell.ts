import type { Actor, Category } from '#contracts/envelope';
import { eventContract } from '#contracts/events/index';
import type { JsonObject } from '#libs/kernel';
import { SENTENCES } from './sentences';

/** What a sentence is made of: any event, recorded or as a message. */
export interface ToldEvent {
  readonly category: Category;
  readonly type: string;
  readonly schemaVersion: number;
  readonly actor: Actor;
  readonly data: JsonObject;
}

/** One sentence that a person can read: `alice granted it (approved by alice): “Confirmed by phone”.` */
export function tell(event: ToldEvent): string {
  return `${tellActor(event.actor)} ${predicate(event)}.`;
}

export function tellActor({ kind, id, behalfOf }: Actor): string {
  const name = kind === 'human' ? id : `${kind} ${id}`;
  return behalfOf === undefined ? name : `${name} (for ${behalfOf})`;
}

function predicate({ category, type, schemaVersion, data }: ToldEvent): string {
  const sentence = SENTENCES[category][type];
  // An event of a newer release is named, not interpreted: a story must not guess.
  if (!sentence || eventContract(category, type)?.version !== schemaVersion) return `recorded ${type}`;
  // The contract of category, type and version is the one that the sentence was written for.
  return sentence(data as never);
}
