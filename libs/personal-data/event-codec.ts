import { eventContract } from '#contracts/events/index';
import { upcast } from '#contracts/versioned-contract';
import type { EventCodec } from '#libs/event-store';
import type { PersonalData } from './personal-data';

/** For a service that interprets events: open, and in the versions that this release writes. */
export const asRead = (personal: PersonalData): EventCodec => ({
  toStored: (event) => personal.sealEvent(event),
  fromStored: (event) => upcast(eventContract(event.category, event.type), personal.openEvent(event)),
});

/** For a service that proves events or passes them on: it reads them as they are, and what it appends is sealed too. */
export const asStored = (personal: PersonalData): EventCodec => ({
  toStored: (event) => personal.sealEvent(event),
  fromStored: (event) => event,
});
