import type { Principal } from '#contracts/identity';

/**
 * Provided by the service that has endpoints with `auth: 'source'`: it alone knows the hashes of source tokens.
 * Nest's DI token is the class itself: `{ provide: SourceTokenVerifier, useClass: ... }`.
 */
export abstract class SourceTokenVerifier {
  /** The source as a principal of kind `source`. Throws DomainError('token_invalid') for a token that is not known. */
  abstract verify(token: string): Promise<Principal>;
}
