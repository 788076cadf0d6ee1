import Type, { type Static } from 'typebox';
import { AnyObject, Closed, Text, Timestamp } from './schema';

const time = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }));

export const StateQuery = Closed({
  at: time('As it was then; as it is now unless told.'),
  since: time('Show what has changed since then, too.'),
});
export type StateQuery = Static<typeof StateQuery>;

export const StateChange = Closed({
  /** `status`, `versions.abc`, `steps[2].status`. */
  path: Text(1000),
  /** Absent when it was not there. */
  before: Type.Optional(Type.Unknown()),
  /** Absent when it is not there any more. */
  after: Type.Optional(Type.Unknown()),
});
export type StateChange = Static<typeof StateChange>;

/** What a stream comes to, folded from its events. */
export const StreamState = Closed({
  stream: Type.String(),
  /** Of the last event that is folded in, and when that happened. */
  version: Type.Integer({ minimum: 1 }),
  changedAt: Timestamp,
  state: AnyObject,
  /** With `since`: what has changed from then, everything if it did not exist. */
  changes: Type.Optional(Type.Array(StateChange)),
});
export type StreamState = Static<typeof StreamState>;
