import type { Protocol } from '#contracts/http/endpoint';
import type { Principal } from '#contracts/identity';
import { DomainError } from '#libs/kernel';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Provided by the service that has endpoints with `auth: 'source'`: it alone knows the hashes of source tokens.
 * Nest's DI token is the class itself: `{ provide: SourceTokenVerifier, useClass: ... }`.
 */
export abstract class SourceTokenVerifier {
  /** The source as a principal of kind `source`. Throws DomainError('token_invalid') for a token that is not known. */
  abstract verify(token: string): Promise<Principal>;

  /** The same where a protocol of its own says how the token is sent. @param query the values after the `?`. */
  verifyAs(protocol: Protocol, _headers: IncomingHttpHeaders, _query: unknown): Promise<Principal> {
    throw new DomainError('internal', `This service does not speak ${protocol}.`);
  }
}
