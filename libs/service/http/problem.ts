import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PROBLEM_MEDIA_TYPE, type Problem } from '#contracts/http/endpoint';
import type { ForeignAnswer } from './foreign-protocols';
import { DomainError, ERROR_CATALOGUE, type ErrorCode, type ErrorKind } from '#libs/kernel';

/** The one place where an error becomes an HTTP status. */
export const STATUS_OF_KIND: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  too_large: 413,
  unsupported: 415,
  throttled: 429,
  unavailable: 503,
  internal: 500,
};

/** RFC 9457. `type` leads to the list of problems on the page of the documentation. */
export function problemOf(error: DomainError): Problem {
  return {
    type: `/docs#problem-${error.code}`,
    title: error.title,
    status: STATUS_OF_KIND[error.kind],
    code: error.code,
    detail: error.reason,
    ...(error.field !== undefined && { field: error.field }),
    ...(error.errors !== undefined && { errors: error.errors.map(({ field, reason }) => ({ field, reason })) }),
  };
}

export function sendProblem(reply: FastifyReply, error: DomainError): FastifyReply {
  const problem = problemOf(error);
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  demandPause(reply, problem.status, error);
  return reply.code(problem.status).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(problem));
}

/** An error in the form of another product's protocol. */
export function sendForeign(
  reply: FastifyReply,
  error: DomainError,
  { status, body, headers }: ForeignAnswer,
): FastifyReply {
  demandPause(reply, status, error);
  const isJson = !Buffer.isBuffer(body);
  if (isJson) reply.type('application/json; charset=utf-8');
  if (headers !== undefined) reply.headers(headers);
  return reply.code(status).send(isJson ? JSON.stringify(body) : body);
}

function demandPause(reply: FastifyReply, status: number, { retryAfterSeconds = 1 }: DomainError): void {
  if (status === 503 || status === 429) reply.header('retry-after', String(retryAfterSeconds));
}

/** Any error as one of the catalogue: what nobody foresaw is `internal`, and tells the caller nothing of its insides. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const cause = error instanceof HttpException && error.cause !== undefined ? error.cause : error;
  const fastifyCode = textProperty(cause, 'code');
  if (fastifyCode?.startsWith('FST_ERR_')) return fromFastify(fastifyCode, cause);
  if (isAbortedRequest(cause)) {
    return new DomainError('invalid_field', { field: 'body', reason: 'The body ended before its length.', cause });
  }
  if (error instanceof HttpException && error.getStatus() < 500) {
    return new DomainError(codeOfStatus(error.getStatus()), { reason: error.message, cause: error });
  }
  if (isDatabaseOutage(cause)) {
    return new DomainError('database_unavailable', { reason: 'The database does not answer. Try again.', cause });
  }
  return new DomainError('internal', {
    reason: 'The service could not do this because of an error of its own. It is in the log.',
    cause: error,
  });
}

function fromFastify(code: string, cause: unknown): DomainError {
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new DomainError('unsupported_media_type', { field: 'content-type', reason: 'Not supported here.', cause });
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new DomainError('body_too_large', { field: 'body', reason: 'The body is too large.', cause });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new DomainError('invalid_field', {
        field: 'content-length',
        reason: 'The body is not as long as Content-Length says.',
        cause,
      });
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new DomainError('invalid_field', { field: 'path', reason: 'The path cannot be read.', cause });
    default:
      return new DomainError('internal', {
        reason: 'The service could not do this because of an error of its own. It is in the log.',
        cause,
      });
  }
}

function codeOfStatus(status: number): ErrorCode {
  const [kind] = (Object.entries(STATUS_OF_KIND) as [ErrorKind, number][]).find(([, code]) => code === status) ?? [];
  const codes: Partial<Record<ErrorKind, ErrorCode>> = {
    unauthenticated: 'token_invalid',
    forbidden: 'permission_missing',
    not_found: 'not_found',
    conflict: 'invalid_transition',
    too_large: 'body_too_large',
    unsupported: 'unsupported_media_type',
    throttled: 'throttled',
  };
  return (kind && codes[kind]) ?? 'invalid_field';
}

/**
 * Class 08 is connection trouble, 57P0x the server going away, 53100 to 53300 a full disk, no memory, too many connections
 * (PostgreSQL, appendix A). TypeORM says of a transaction whose connection broke off that its runner was released.
 */
function isDatabaseOutage(error: unknown): boolean {
  const code = textProperty(error, 'code') ?? textProperty(property(error, 'driverError'), 'code');
  if (code !== undefined && (/^(08...|57P0[1-3]|53[1-3]00)$/.test(code) || code === 'ECONNREFUSED')) return true;
  return error instanceof Error && BROKEN_OFF.test(error.message);
}

const BROKEN_OFF = /Connection terminated|timeout exceeded when trying to connect|Query runner already released/;

const isAbortedRequest = (error: unknown): boolean =>
  textProperty(error, 'code') === 'ECONNRESET' && error instanceof Error && error.message === 'aborted';

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textProperty(value: unknown, name: string): string | undefined {
  const found = property(value, name);
  return typeof found === 'string' ? found : undefined;
}

/** For the documentation: every code that an HTTP answer can carry. */
export function problemCatalogue(): { code: ErrorCode; title: string; status: number; meaning: string }[] {
  return (Object.keys(ERROR_CATALOGUE) as ErrorCode[]).map((code) => {
    const { title, kind } = ERROR_CATALOGUE[code];
    const status = STATUS_OF_KIND[kind];
    return { code, title, status, meaning: STATUS_CODES[status] ?? '' };
  });
}
