import Type, { type Static } from 'typebox';
import { Closed } from '../schema';
import type { Endpoint, SourceEndpoint } from './endpoint';

/**
 * The answers of Splunk's HTTP Event Collector, by their code: status and text, word for word, since clients compare
 * them (Splunk Enterprise, "Troubleshoot HTTP Event Collector", possible error codes).
 */
export const HEC_ANSWERS = {
  0: { status: 200, text: 'Success' },
  1: { status: 403, text: 'Token disabled' },
  2: { status: 401, text: 'Token is required' },
  3: { status: 401, text: 'Invalid authorization' },
  4: { status: 403, text: 'Invalid token' },
  5: { status: 400, text: 'No data' },
  6: { status: 400, text: 'Invalid data format' },
  8: { status: 500, text: 'Internal server error' },
  9: { status: 503, text: 'Server is busy' },
  10: { status: 400, text: 'Data channel is missing' },
  11: { status: 400, text: 'Invalid data channel' },
  12: { status: 400, text: 'Event field is required' },
  13: { status: 400, text: 'Event field cannot be blank' },
  14: { status: 400, text: 'ACK is disabled' },
  16: { status: 400, text: 'Query string authorization is not enabled' },
  17: { status: 200, text: 'HEC is healthy' },
  18: { status: 503, text: 'HEC is unhealthy, queues are full' },
  27: { status: 413, text: 'Request entity too large' },
} as const;
export type HecCode = keyof typeof HEC_ANSWERS;

export const HecAnswer = Closed({
  text: Type.String(),
  code: Type.Integer(),
  'invalid-event-number': Type.Optional(
    Type.Integer({ minimum: 0, description: 'The first event that was refused, from 0. The others are taken.' }),
  ),
  ackId: Type.Optional(Type.Integer({ minimum: 0, description: 'For /services/collector/ack.' })),
});
export type HecAnswer = Static<typeof HecAnswer>;

export const HecAcks = Closed({
  acks: Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 100_000, description: 'The `ackId`s asked about.' }),
});

export const HecAcknowledged = Closed({
  acks: Type.Record(Type.String(), Type.Boolean(), { description: 'By `ackId`: whether its events are durable.' }),
});

const ERRORS =
  'Errors are answered as Splunk does, `{text, code}`. The token comes as `Authorization: Splunk TOKEN`, as the password ' +
  'of Basic, or as `?token=` where the source allows it.';

const collector = {
  service: 'ingest',
  auth: 'source',
  protocol: 'splunk-hec',
  rawBody: true,
  method: 'POST',
} as const satisfies Partial<SourceEndpoint>;

const events = (path: `/${string}`): Endpoint => ({
  ...collector,
  path,
  summary: 'Accept events as the Splunk HTTP Event Collector does',
  description:
    'Any number of JSON objects, one after the other, each `{event, time, host, source, sourcetype, fields}`; gzip is ' +
    'taken. What `event` holds is read by its format; what looks like none becomes a finding all the same. Answered ' +
    `once everything is durable. With a channel the answer has an \`ackId\`. ${ERRORS}`,
  query: Type.Object({ channel: Type.Optional(Type.String()), token: Type.Optional(Type.String()) }),
  body: Type.Unknown({ description: 'JSON objects, one after the other.' }),
  responses: { 200: HecAnswer },
});

const raw = (path: `/${string}`): Endpoint => ({
  ...collector,
  path,
  summary: 'Accept lines as the Splunk HTTP Event Collector does',
  description: `Each line is an event; the query says what an event's \`host\`, \`source\` and so on would. ${ERRORS}`,
  query: Type.Object({
    channel: Type.Optional(Type.String()),
    token: Type.Optional(Type.String()),
    host: Type.Optional(Type.String()),
    source: Type.Optional(Type.String()),
    sourcetype: Type.Optional(Type.String()),
    index: Type.Optional(Type.String()),
    time: Type.Optional(Type.String()),
  }),
  body: Type.Unknown({ description: 'Lines.' }),
  consumes: ['text/plain'],
  responses: { 200: HecAnswer },
});

const acknowledgements = (path: `/${string}`): Endpoint => ({
  ...collector,
  path,
  summary: 'Ask which events are durable, as of the Splunk HTTP Event Collector',
  description:
    'An `ackId` is given once its events are durable, so that each that was given for the channel is true at once, on ' +
    `every instance and for good. ${ERRORS}`,
  query: Type.Object({ channel: Type.Optional(Type.String()), token: Type.Optional(Type.String()) }),
  body: HecAcks,
  responses: { 200: HecAcknowledged },
});

const health = (path: `/${string}`): Endpoint => ({
  method: 'GET',
  path,
  service: 'ingest',
  auth: 'public',
  protocol: 'splunk-hec',
  summary: 'Whether the Splunk HTTP Event Collector takes events, for load balancers',
  responses: { 200: HecAnswer, 503: HecAnswer },
});

export const endpoints: readonly Endpoint[] = [
  events('/services/collector'),
  events('/services/collector/1.0'),
  events('/services/collector/event'),
  events('/services/collector/event/1.0'),
  raw('/services/collector/raw'),
  raw('/services/collector/raw/1.0'),
  acknowledgements('/services/collector/ack'),
  acknowledgements('/services/collector/ack/1.0'),
  health('/services/collector/health'),
  health('/services/collector/health/1.0'),
];
