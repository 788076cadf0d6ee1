import Type from 'typebox';
import { Closed, Digest, Nullable, Text, Timestamp, Uuid } from '../schema';
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
  SourceDisabled: Closed({ sourceId: Uuid, reason: Type.String({ maxLength: 500 }) }),
});
export type SourceEvent = EventOf<typeof sourceEvents>;
