import { ERROR_CATALOGUE, type ErrorCode, type ErrorKind } from './error-catalogue';

export interface ErrorDetails {
  /** The path of the field that is wrong, as the caller wrote it: `alerts[3].time`, `X-Tenant`. */
  readonly field?: string;
  /** What was wrong and what to do, in one sentence. */
  readonly reason: string;
  /** For several errors at once: one entry a field. */
  readonly errors?: readonly { readonly field: string; readonly reason: string }[];
  /** Of a call that is refused for now: when it may be tried again. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** The only error that domain and application code throws: a code of the catalogue, and what the reader needs. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly field?: string;
  readonly reason: string;
  readonly errors?: readonly { readonly field: string; readonly reason: string }[];
  readonly retryAfterSeconds?: number;

  constructor(
    readonly code: ErrorCode,
    details: ErrorDetails | string,
  ) {
    const { field, reason, errors, cause, retryAfterSeconds } =
      typeof details === 'string' ? ({ reason: details } as ErrorDetails) : details;
    super(field ? `${field}: ${reason}` : reason, cause === undefined ? undefined : { cause });
    this.field = field;
    this.reason = reason;
    this.errors = errors;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get kind(): ErrorKind {
    return ERROR_CATALOGUE[this.code].kind;
  }

  get title(): string {
    return ERROR_CATALOGUE[this.code].title;
  }

  /** Whether the same call can succeed later without being changed. */
  get retryable(): boolean {
    return this.kind === 'unavailable' || this.kind === 'throttled';
  }
}
