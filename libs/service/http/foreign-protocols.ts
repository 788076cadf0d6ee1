import type { Protocol } from '#contracts/http/endpoint';
import type { DomainError } from '#libs/kernel';
import type { IncomingHttpHeaders } from 'node:http';

export interface ForeignAnswer {
  readonly status: number;
  /** JSON, or the bytes of what `headers` say by their content type. */
  readonly body: object | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Provided by a service that has endpoints with a `protocol`: what an error looks like to clients of that protocol. Nest's
 * DI token is the class itself.
 */
export abstract class ForeignProtocols {
  abstract answer(protocol: Protocol, error: DomainError, request: IncomingHttpHeaders): ForeignAnswer;
}
