import { HEC_ANSWERS, type HecAnswer, type HecCode } from '#contracts/http/splunk-hec';
import { DomainError, type ErrorCode } from '#libs/kernel';

const CODES: Readonly<Partial<Record<HecCode, ErrorCode>>> = {
  1: 'token_invalid',
  2: 'token_missing',
  3: 'token_invalid',
  4: 'token_invalid',
  9: 'bus_unavailable',
  16: 'token_invalid',
  27: 'body_too_large',
};

/** A refusal in the words of Splunk's HTTP Event Collector. */
export class HecError extends DomainError {
  constructor(
    readonly hecCode: HecCode,
    /** For the log; Splunk's answer says less. */
    reason: string,
    /** Which event of the request it was, from 0. */
    readonly eventNumber?: number,
  ) {
    super(CODES[hecCode] ?? 'invalid_field', { field: 'hec', reason });
  }
}

/** What a client of the collector is answered. */
export function hecAnswer(error: DomainError): { readonly status: number; readonly body: HecAnswer } {
  const code = error instanceof HecError ? error.hecCode : codeOf(error);
  const { status, text } = HEC_ANSWERS[code];
  const eventNumber = error instanceof HecError ? error.eventNumber : undefined;
  return { status, body: { text, code, ...(eventNumber !== undefined && { 'invalid-event-number': eventNumber }) } };
}

function codeOf(error: DomainError): HecCode {
  switch (error.kind) {
    case 'unavailable':
    case 'throttled':
      return 9;
    case 'too_large':
      return 27;
    case 'internal':
      return 8;
    default:
      return 6;
  }
}
