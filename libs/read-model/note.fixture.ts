import type { NewEvent } from '#libs/event-store';
import { newId, type JsonObject } from '#libs/kernel';

/** An event for read models of the tests, of a case. */
export function note(data: JsonObject): NewEvent {
  return {
    id: newId(),
    type: 'CaseNoteAdded',
    schemaVersion: 1,
    time: new Date().toISOString(),
    actor: { kind: 'human', id: 'arno' },
    data,
    meta: { correlationId: newId() },
  };
}
