import type { IncomingHttpHeaders } from 'node:http';
import type { ExportLogsResponse, OtlpStatus } from '#contracts/http/otlp';
import type { DomainError, ErrorKind } from '#libs/kernel';
import { STATUS_OF_KIND, type ForeignAnswer } from '#libs/service';
import { ExportLogsServiceResponse, Status } from './otlp-messages';
import type { OtlpEncoding } from './otlp-request';

const PROTOBUF = 'application/x-protobuf';

/** How a request is encoded, and so its answer; undefined for a content type that OTLP does not have. */
export function otlpEncoding(headers: IncomingHttpHeaders): OtlpEncoding | undefined {
  switch (headers['content-type']?.split(';')[0]?.trim().toLowerCase()) {
    case PROTOBUF:
      return 'protobuf';
    case 'application/json':
      return 'json';
    default:
      return undefined;
  }
}

/** The answer to a request that was taken, but for the records that were refused. */
export function exportedLogs(rejected: number, reason: string | undefined): ExportLogsResponse {
  if (rejected === 0) return {};
  return { partialSuccess: { rejectedLogRecords: String(rejected), errorMessage: reason ?? '' } };
}

export const protobufOf = (response: ExportLogsResponse): Buffer =>
  Buffer.from(ExportLogsServiceResponse.encode(ExportLogsServiceResponse.fromObject(response)).finish());

/** google.rpc.Code */
const CODES: Readonly<Record<ErrorKind, number>> = {
  invalid: 3,
  too_large: 3,
  unsupported: 3,
  not_found: 5,
  gone: 5,
  conflict: 9,
  forbidden: 7,
  throttled: 8,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
};

/** An error of a whole request, in the encoding of the request (OpenTelemetry Protocol, "OTLP/HTTP Response"). */
export function otlpAnswer(error: DomainError, request: IncomingHttpHeaders): ForeignAnswer {
  const where = error.field === undefined ? '' : `${error.field}: `;
  const status: OtlpStatus = { code: CODES[error.kind], message: `${error.code}: ${where}${error.reason}` };
  const answer = { status: STATUS_OF_KIND[error.kind] };
  if (otlpEncoding(request) !== 'protobuf') return { ...answer, body: status };
  const body = Buffer.from(Status.encode(Status.fromObject(status)).finish());
  return { ...answer, body, headers: { 'content-type': PROTOBUF } };
}
