import Type, { type Static } from 'typebox';
import { Closed, Digest, Literals, Nullable, Personal, PersonalRest, Text, Timestamp, Uuid } from './schema';
import { versioned } from './versioned-contract';

export const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export const Severity = Literals(...SEVERITIES);
export type Severity = (typeof SEVERITIES)[number];

export const VERDICTS = ['benign', 'unknown', 'suspicious', 'malicious'] as const;
export const Verdict = Literals(...VERDICTS);
export type Verdict = (typeof VERDICTS)[number];

/** OCSF 1.8 observable type ids that we extract. */
export const OBSERVABLE_TYPES = {
  hostname: 1,
  ip: 2,
  mac: 3,
  username: 4,
  email: 5,
  url: 6,
  filename: 7,
  hash: 8,
  process: 9,
  subnet: 12,
  domain: 1,
} as const;

/** An indicator or entity that an alert names (OCSF `observable`), refanged, with what the local lists say of it. */
export const Observable = Closed({
  type_id: Type.Integer({ minimum: 0, maximum: 99 }),
  /** `ip`, `domain`, `hostname`, `url`, `hash`, `email`, `username`. */
  type: Literals('ip', 'domain', 'hostname', 'url', 'hash', 'email', 'username'),
  value: Personal(Text(2048)),
  /** Where in the finding it stood: a path such as `evidences[0].src_endpoint.ip`. */
  name: Text(500),
  verdict: Verdict,
  /** 0 (harmless) to 100 (certainly malicious). */
  score: Type.Integer({ minimum: 0, maximum: 100 }),
  /** The lists that know it. */
  lists: Type.Array(Text(200), { maxItems: 50 }),
});
export type Observable = Static<typeof Observable>;

/** A MITRE ATT&CK technique or tactic id as the source gave it: `T1110.001`, `TA0006`. */
export const AttackId = Type.String({ pattern: '^TA?\\d{4}(\\.\\d{3})?$' });

/** OCSF 1.8 Detection Finding (class 2004), the normalized form of every alert. Open: OCSF has far more attributes. */
export const DetectionFinding = PersonalRest(
  Type.Object(
    {
      activity_id: Type.Integer(),
      category_uid: Type.Literal(2),
      class_uid: Type.Literal(2004),
      type_uid: Type.Integer(),
      /** Milliseconds since the epoch. */
      time: Type.Integer(),
      severity_id: Type.Integer({ minimum: 0, maximum: 99 }),
      severity: Type.Optional(Type.String()),
      message: Type.Optional(Personal(Type.String())),
      status_id: Type.Optional(Type.Integer()),
      metadata: Type.Object({
        version: Type.String(),
        product: Type.Object({ name: Type.Optional(Type.String()), vendor_name: Type.Optional(Type.String()) }),
      }),
      finding_info: PersonalRest(
        Type.Object({ uid: Type.String({ minLength: 1 }), title: Type.Optional(Personal(Type.String())) }),
      ),
    },
    { additionalProperties: true },
  ),
);
export type DetectionFinding = Static<typeof DetectionFinding> & Record<string, unknown>;

/**
 * What the source sent, byte for byte: text where it is valid UTF-8 without NUL, else base64. One that is too large to travel
 * is kept aside under its digest; `body` is a summary then, its JSON with what is long cut short, or its beginning.
 */
export const Original = Closed({
  encoding: Literals('utf-8', 'base64'),
  body: Personal(Type.String()),
  /** Bytes of the whole original. */
  size: Type.Integer({ minimum: 0 }),
  /** True when `body` is not the whole: of a large one, and of one that was refused for its size. */
  truncated: Type.Optional(Type.Boolean()),
  /** SHA-256 of the whole, for `GET /v1/alerts/:id/originals/:digest`; absent where `body` is all that is kept. */
  digest: Type.Optional(Digest),
});
export type Original = Static<typeof Original>;

const Reception = {
  receiptId: Uuid,
  sourceId: Uuid,
  /** The source's name when it was received, for people. */
  source: Text(200),
  receivedAt: Timestamp,
  original: Original,
};

export const AlertReceived = Closed({
  ...Reception,
  alertId: Uuid,
  format: Text(100),
  /** SHA-256 over the canonical form of the original's JSON: tells a duplicate from an update. */
  digest: Digest,
  finding: DetectionFinding,
  attack: Type.Array(AttackId, { maxItems: 200 }),
});
export type AlertReceived = Static<typeof AlertReceived>;

export const AlertRefused = Closed({
  ...Reception,
  code: Text(100),
  field: Nullable(Text(1000)),
  reason: Text(2000),
});
export type AlertRefused = Static<typeof AlertRefused>;

export const AlertEnriched = Closed({
  ...AlertReceived.properties,
  observables: Personal(Type.Array(Observable, { maxItems: 500 })),
  /** The worst of the observables'. */
  verdict: Verdict,
  score: Type.Integer({ minimum: 0, maximum: 100 }),
});
export type AlertEnriched = Static<typeof AlertEnriched>;

/**
 * What travels on `countersign.alerts` (AlertReceived, AlertRefused) and `countersign.alerts.enriched` (AlertEnriched,
 * AlertRefused). The message's id is the receiptId; its key the alertId, or the receiptId of a refused one.
 */
export const ALERT_MESSAGES = versioned({ AlertReceived, AlertRefused, AlertEnriched });
