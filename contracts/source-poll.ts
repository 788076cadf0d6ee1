import Type, { type Static } from 'typebox';
import { Closed, Literals, Text } from './schema';

/** The APIs that alerts are polled from. */
export const PollKind = Literals(
  'microsoft-sentinel-incidents',
  'microsoft-defender-incidents',
  'microsoft-defender-alerts',
  'crowdstrike-alerts',
  'aws-guardduty-findings',
);
export type PollKind = Static<typeof PollKind>;

/** How the alerts of a source are polled. Credentials are references (`secret://name@version`), never the credentials. */
export const PollConfiguration = Closed({
  kind: PollKind,
  /** By kind: who asks, and for what. */
  settings: Type.Record(Type.String(), Type.String({ maxLength: 2_000 })),
  /** `host` or `host:port`; nothing else is reached, and private ranges only where listed. */
  allowedHosts: Type.Array(Text(300), { minItems: 1, maxItems: 50 }),
  /** Between the end of a poll and the next. */
  intervalSeconds: Type.Integer({ minimum: 1, maximum: 86_400 }),
  /** So much before the watermark is asked for again, for what is indexed late. */
  lookBackSeconds: Type.Integer({ minimum: 0, maximum: 604_800 }),
  /** Alerts that are asked for at once. */
  pageSize: Type.Integer({ minimum: 1, maximum: 1_000 }),
  /** Of one request. */
  timeoutSeconds: Type.Integer({ minimum: 1, maximum: 300 }),
});
export type PollConfiguration = Static<typeof PollConfiguration>;

/** One alert as it was taken: the same content again is not taken again, another content is. */
export const SeenAlert = Closed({
  /** The first 96 bits of the SHA-256 of the alert's text, base64url. */
  fingerprint: Type.String({ pattern: '^[A-Za-z0-9_-]{16}$' }),
  /** By the API's own account, UTC with milliseconds; when it was asked, where it says nothing. */
  modifiedAt: Type.String({ format: 'date-time' }),
});
export type SeenAlert = Static<typeof SeenAlert>;
