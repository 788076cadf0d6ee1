import type { Actor, Category } from '#contracts/envelope';
import { eventContract } from '#contracts/events/index';
import { upcast } from '#contracts/versioned-contract';
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

function predicate(event: ToldEvent): string {
  const { category, type, schemaVersion } = event;
  const sentence = SENTENCES[category][type];
  const contract = eventContract(category, type);
  // An event of a newer release is named, not interpreted: a story must not guess.
  if (!sentence || !contract || schemaVersion > contract.version) return `recorded ${type}`;
  // The contract of category and type, in the version of now, is the one that the sentence was written for.
  return sentence(upcast(contract, event).data as never);
}
