import Type from 'typebox';
import { Closed, Digest, Nullable, Text, Timestamp, Uuid } from '../schema';
import { PollConfiguration, SeenAlert } from '../source-poll';
import { SourceSettings } from '../source-settings';
import { eventContracts, type EventOf } from './event';

/** Stream `source-<sourceId>`. The token is 256 random bits, so that its SHA-256 tells nobody anything. */
export const sourceEvents = eventContracts('source', {
  SourceRegistered: Closed({
    sourceId: Uuid,
    name: Text(100),
    /** A built-in format or the name of a mapping; null: detected. */
    format: Nullable(Text(100)),
    tokenDigest: Digest,
  }),
  SourceTokenRotated: Closed({
    sourceId: Uuid,
    tokenDigest: Digest,
    /** Until then the earlier token is still accepted. */
    previousValidUntil: Timestamp,
  }),
  /** All settings of the source from now on. */
  SourceConfigured: Closed({ sourceId: Uuid, settings: SourceSettings }),
  /** Polled so from now on; `revision` counts up. */
  PollConfigured: Closed({
    sourceId: Uuid,
    revision: Type.Integer({ minimum: 1 }),
    poll: PollConfiguration,
    /** Everything that was changed before is taken to be here. */
    watermark: Timestamp,
    /** What was taken before is forgotten, and taken again where it is met again. */
    again: Type.Boolean(),
  }),
  /** All of it is durable on the bus. */
  PollAdvanced: Closed({
    sourceId: Uuid,
    revision: Type.Integer({ minimum: 1 }),
    /** By the API's clock: everything that was changed before has been taken. */
    watermark: Timestamp,
    /** What was taken since the event before. */
    seen: Type.Array(SeenAlert, { maxItems: 1_000 }),
  }),
  /** The cursor stays, for when the source is polled again. */
  PollStopped: Closed({ sourceId: Uuid, revision: Type.Integer({ minimum: 1 }) }),
  SourceDisabled: Closed({ sourceId: Uuid, reason: Type.String({ maxLength: 500 }) }),
});
export type SourceEvent = EventOf<typeof sourceEvents>;
