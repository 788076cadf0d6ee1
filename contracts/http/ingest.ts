import Type, { type Static } from 'typebox';
import { PollConfiguration, PollKind } from '../source-poll';
import { SourceSettings } from '../source-settings';
import { Closed, Digest, Literals, Nullable, Personal, Text, Timestamp, Uuid } from '../schema';
import { IdParams, type Endpoint } from './endpoint';

/** What became of one alert of a body. */
export const AlertResult = Closed({
  index: Type.Integer({ minimum: 0, description: 'Its place among the alerts of the body, from 0.' }),
  receiptId: Uuid,
  status: Literals('accepted', 'rejected'),
  alertId: Type.Optional(Uuid),
  code: Type.Optional(Type.String({ description: 'Why it was rejected: a code of the catalogue of problems.' })),
  field: Type.Optional(Type.String({ description: 'The field that is wrong.' })),
  reason: Type.Optional(Type.String({ description: 'What is wrong with it.' })),
});
export type AlertResult = Static<typeof AlertResult>;

/** All of `accepted` and `rejected` is durable, and appears in the account. */
export const AlertIntake = Closed({
  accepted: Type.Integer({ minimum: 0 }),
  rejected: Type.Integer({ minimum: 0 }),
  results: Type.Array(AlertResult, {
    description: 'In the order of the body. Of a long one the first 1,000, and up to 1,000 later rejections.',
  }),
  omitted: Type.Integer({ minimum: 0, description: 'Alerts that are counted, but not listed under results.' }),
});
export type AlertIntake = Static<typeof AlertIntake>;

/** How the polling of a source goes. Times are the database's, the watermark is the API's. */
export const PollStatus = Closed({
  watermark: Type.String({ format: 'date-time', description: 'Everything that was changed before has been taken.' }),
  lagSeconds: Type.Number({ description: 'Since the time up to which the last complete poll has taken everything.' }),
  lastPollAt: Nullable(Timestamp),
  lastSuccessAt: Nullable(Timestamp),
  failures: Type.Integer({ minimum: 0, description: 'In a row; 0 after a success.' }),
  lastFailure: Nullable(
    Closed({
      reason: Type.String({ description: 'A code of the catalogue of problems.' }),
      detail: Type.String(),
      at: Timestamp,
    }),
  ),
});
export type PollStatus = Static<typeof PollStatus>;

export const SourcePoll = Closed({ ...PollConfiguration.properties, status: PollStatus });
export type SourcePoll = Static<typeof SourcePoll>;

export const Source = Closed({
  id: Uuid,
  name: Text(100),
  format: Nullable(Type.String({ description: 'null: told from each alert.' })),
  status: Literals('active', 'disabled'),
  registeredAt: Timestamp,
  registeredBy: Personal(Text(200)),
  tokenIssuedAt: Timestamp,
  previousTokenValidUntil: Nullable(Timestamp),
  disabledReason: Nullable(Type.String()),
  settings: SourceSettings,
  poll: Nullable(SourcePoll),
});
export type Source = Static<typeof Source>;

/** The token is in this answer and nowhere else: only its hash is kept. */
export const SourceWithToken = Closed({
  source: Source,
  token: Type.String({ description: 'Send it as `Authorization: Bearer TOKEN`. It is shown this once.' }),
});
export type SourceWithToken = Static<typeof SourceWithToken>;

export const RegisterSource = Closed({
  name: Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$',
    description: 'Unique in the tenant, whatever the case of its letters.',
  }),
  format: Type.Optional(
    Nullable(Type.String({ minLength: 1, maxLength: 100, description: 'A built-in format or the name of a mapping.' })),
  ),
});
export type RegisterSource = Static<typeof RegisterSource>;

export const RotateSource = Closed({
  overlapSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 2_592_000,
      default: 3_600,
      description: 'How long the earlier token is still taken; 0 ends it at once.',
    }),
  ),
});
export type RotateSource = Static<typeof RotateSource>;

/** What is left out stays as it is. */
export const ConfigureSource = Type.Partial(SourceSettings, { additionalProperties: false, minProperties: 1 });
export type ConfigureSource = Static<typeof ConfigureSource>;

/** What is left out has the default of its kind (docs/alerts.md). */
export const ConfigurePoll = Closed({
  kind: PollKind,
  settings: PollConfiguration.properties.settings,
  allowedHosts: Type.Optional(PollConfiguration.properties.allowedHosts),
  intervalSeconds: Type.Optional(PollConfiguration.properties.intervalSeconds),
  lookBackSeconds: Type.Optional(PollConfiguration.properties.lookBackSeconds),
  pageSize: Type.Optional(PollConfiguration.properties.pageSize),
  timeoutSeconds: Type.Optional(PollConfiguration.properties.timeoutSeconds),
  from: Type.Optional(
    Type.String({
      format: 'date-time',
      description: 'Takes everything again that was changed since. By default from now on, or where it stopped.',
    }),
  ),
});
export type ConfigurePoll = Static<typeof ConfigurePoll>;

export const DisableSource = Closed({ reason: Type.String({ maxLength: 500 }) });
export type DisableSource = Static<typeof DisableSource>;

const count = Type.Integer({ minimum: 0 });

/** Invariant 3: received = new + updated + duplicate + grouped + suppressed + rejected + pending, at all times. */
export const AccountCounts = Closed({
  received: count,
  new: count,
  updated: count,
  duplicate: count,
  grouped: count,
  suppressed: count,
  rejected: count,
  pending: count,
});
export type AccountCounts = Static<typeof AccountCounts>;

export const IngestAccount = Closed({
  sources: Type.Array(Closed({ sourceId: Uuid, source: Text(200), ...AccountCounts.properties })),
  total: AccountCounts,
});
export type IngestAccount = Static<typeof IngestAccount>;

export const endpoints: readonly Endpoint[] = [
  {
    method: 'POST',
    path: '/v1/alerts',
    service: 'ingest',
    auth: 'source',
    summary: 'Accept one alert, a list of alerts, or NDJSON',
    description:
      'Answers 202 once every alert of the body is durable. Of a list or of NDJSON, bad alerts are told apart under ' +
      'results; a single bad alert is answered with a problem. Either way it is kept and counted as rejected. NDJSON ' +
      'has no limit in all, other bodies 16 MiB, an alert 8 MiB. `Content-Encoding: gzip` is taken. Answers 429 where the ' +
      'source sends more than it may, and 503 where more comes in than can be taken; both say how long to wait by ' +
      '`Retry-After`.',
    query: Closed({
      format: Type.Optional(
        Type.String({ minLength: 1, maxLength: 100, description: "Instead of the source's, or of telling it." }),
      ),
    }),
    body: Type.Unknown({ description: 'One alert, a list of alerts, or one alert a line.' }),
    consumes: ['application/json', 'application/x-ndjson'],
    responses: { 202: AlertIntake },
    rawBody: true,
  },
  {
    method: 'GET',
    path: '/v1/alerts/:id/originals/:digest',
    service: 'ingest',
    auth: 'user',
    permission: 'cases:read',
    summary: 'Read the original of a large alert, byte for byte',
    description: 'The id of the alert, or of the receipt that was rejected, and the digest in its `original`.',
    params: Closed({ id: Uuid, digest: Digest }),
    responses: { 200: Type.Unknown() },
    produces: 'application/octet-stream',
  },
  {
    method: 'GET',
    path: '/v1/sources',
    service: 'ingest',
    auth: 'user',
    permission: 'sources:read',
    summary: 'List the sources of alerts',
    responses: { 200: Closed({ items: Type.Array(Source) }) },
  },
  {
    method: 'POST',
    path: '/v1/sources',
    service: 'ingest',
    auth: 'user',
    permission: 'sources:write',
    summary: 'Register a source and get its token',
    body: RegisterSource,
    responses: { 201: SourceWithToken },
  },
  {
    method: 'POST',
    path: '/v1/sources/:id/rotate',
    service: 'ingest',
    auth: 'user',
    permission: 'sources:write',
    summary: 'Give a source a new token',
    description: 'The earlier token is still taken for `overlapSeconds`, so that forwarders can be changed one by one.',
    params: IdParams,
    body: RotateSource,
    responses: { 200: SourceWithToken },
  },
  {
    method: 'PATCH',
    path: '/v1/sources/:id',
    service: 'ingest',
    auth: 'user',
    permission: 'sources:write',
    summary: 'Change the settings of a source',
    description: 'Its limits, and how the Splunk HTTP Event Collector treats it.',
    params: IdParams,
    body: ConfigureSource,
    responses: { 200: Source },
  },
  {
    method: 'GET',
    path: '/v1/sources/:id',
    service: 'ingest',
    auth: 'user',
    permission: 'sources:read',
    summary: 'Show a source, and how its polling goes',
    params: IdParams,
    responses: { 200: Source },
  },
  {
    method: 'PUT',
    path: '/v1/sources/:id/poll',
    service: 'ingest',
    auth: 'user',
    permission: 'sources:write',
    summary: 'Poll the alerts of a source from the API of its product',
    description:
      'Credentials are given by reference (`secret://name@version`), and read where the service runs. Put again, it ' +
      'goes on where it was, unless `from` is given.',
    params: IdParams,
    body: ConfigurePoll,
    responses: { 200: Source },
  },
  {
    method: 'DELETE',
    path: '/v1/sources/:id/poll',
    service: 'ingest',
    auth: 'user',
    permission: 'sources:write',
    summary: 'Stop the polling of a source',
    params: IdParams,
    responses: { 200: Source },
  },
  {
    method: 'POST',
    path: '/v1/sources/:id/disable',
    service: 'ingest',
    auth: 'user',
    permission: 'sources:write',
    summary: 'Refuse all further alerts of a source',
    params: IdParams,
    body: DisableSource,
    responses: { 200: Source },
  },
  {
    method: 'GET',
    path: '/v1/ingest/account',
    service: 'ingest',
    auth: 'user',
    permission: 'ingest:read',
    summary: 'What became of every alert that was received, by source',
    responses: { 200: IngestAccount },
  },
];
