import Type, { type Static } from 'typebox';
import { Closed, Literals, Nullable } from './schema';

/** What an administrator may set for one source of alerts. */
export const SourceSettings = Closed({
  /** Whether a request to the Splunk HTTP Event Collector gets an `ackId`: where it names a channel, always, or never. */
  hecAcknowledgement: Literals('optional', 'required', 'off'),
  /** Whether the collector takes the token as `?token=` too, where it may end up in logs. */
  hecQueryToken: Type.Boolean(),
  /** More are answered 429, and are to be sent again; null: no limit but the bus. */
  alertsPerSecond: Nullable(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  /** Bytes of alerts, after decompression. */
  bytesPerSecond: Nullable(Type.Integer({ minimum: 1_024, maximum: 10_000_000_000 })),
});
export type SourceSettings = Static<typeof SourceSettings>;

export const DEFAULT_SOURCE_SETTINGS: SourceSettings = {
  hecAcknowledgement: 'optional',
  hecQueryToken: false,
  alertsPerSecond: null,
  bytesPerSecond: null,
};
