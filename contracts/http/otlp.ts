import Type, { type Static } from 'typebox';
import { Closed } from '../schema';
import type { Endpoint } from './endpoint';

/** `opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse`, as OTLP writes it in JSON. */
export const ExportLogsResponse = Closed({
  partialSuccess: Type.Optional(
    Closed({
      rejectedLogRecords: Type.String({ description: 'How many were refused; a number of 64 bits, hence a text.' }),
      errorMessage: Type.String({ description: 'Why the first of them was.' }),
    }),
  ),
});
export type ExportLogsResponse = Static<typeof ExportLogsResponse>;

/** `google.rpc.Status`, what OTLP answers where a whole request is refused. */
export const OtlpStatus = Closed({
  code: Type.Integer({
    description: 'Of gRPC: 3 is a bad request, 8 too much, 14 to be sent again, 16 no valid token.',
  }),
  message: Type.String(),
});
export type OtlpStatus = Static<typeof OtlpStatus>;

export const endpoints: readonly Endpoint[] = [
  {
    method: 'POST',
    path: '/v1/logs',
    service: 'ingest',
    auth: 'source',
    protocol: 'otlp',
    summary: 'Accept log records as OTLP over HTTP does',
    description:
      'An ExportLogsServiceRequest of OpenTelemetry, up to 16 MiB, with gzip or without. Each log record is an alert: what its ' +
      'body or its attributes hold is read by its format; what looks like none becomes a finding all the same. Answered once ' +
      'every record is durable, in the encoding of the request; errors are a google.rpc.Status. The token of a source comes ' +
      'as `Bearer`.',
    body: Type.Unknown({ description: 'An ExportLogsServiceRequest, in protobuf or in the JSON of OTLP.' }),
    consumes: ['application/x-protobuf', 'application/json'],
    responses: { 200: ExportLogsResponse },
    rawBody: true,
  },
];
