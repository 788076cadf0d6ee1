import type { IncomingHttpHeaders } from 'node:http';
import type { Endpoint, UserEndpoint } from '#contracts/http/endpoint';
import { API_AUDIENCE, permits, type Principal } from '#contracts/identity';
import { DomainError } from '#libs/kernel';
import type { SourceTokenVerifier } from './source-token-verifier';
import type { TokenVerifier } from './token-verifier';

/**
 * Who may call an endpoint, as the table of endpoints says. Returns the principal; `undefined` at a public endpoint.
 * Throws DomainError `token_missing`, `token_invalid`, `audience_refused`, `principal_kind_refused` or
 * `permission_missing`.
 */
export async function admit(
  endpoint: Endpoint,
  { headers, query }: { readonly headers: IncomingHttpHeaders; readonly query: unknown },
  verifiers: { users: TokenVerifier; sources: () => SourceTokenVerifier },
): Promise<Principal | undefined> {
  switch (endpoint.auth) {
    case 'public':
      return undefined;
    case 'source':
      if (endpoint.protocol !== undefined) return verifiers.sources().verifyAs(endpoint.protocol, headers, query);
      return verifiers.sources().verify(tokenOf(headers.authorization, ['bearer', 'splunk']));
    case 'user': {
      const principal = await verifiers.users.verify(tokenOf(headers.authorization, ['bearer']));
      authorize(endpoint, principal);
      return principal;
    }
  }
}

/** Whether a known principal may call a user endpoint. The order of checks is the order of the reasons it is told. */
export function authorize(endpoint: UserEndpoint, principal: Principal): void {
  if (endpoint.audience !== undefined && principal.audience !== endpoint.audience) {
    throw new DomainError('audience_refused', `Here only tokens of the audience ${endpoint.audience} are taken.`);
  }
  if (endpoint.decision === true) refuseAllButHumans(principal);
  if (!permits(principal.roles, endpoint.permission)) {
    throw new DomainError(
      'permission_missing',
      `${principal.subject} has ${rolesInWords(principal)}, which does not permit ${endpoint.permission}.`,
    );
  }
}

/** Invariant 5: agents cannot activate a playbook or grant an approval, whatever roles their token claims. */
function refuseAllButHumans(principal: Principal): void {
  if (principal.audience !== API_AUDIENCE) {
    throw new DomainError('audience_refused', `Decisions take tokens of the audience ${API_AUDIENCE} alone.`);
  }
  if (principal.kind !== 'human' || principal.behalfOf !== undefined) {
    const who =
      principal.behalfOf === undefined ? principal.kind : `${principal.kind} on behalf of ${principal.behalfOf}`;
    throw new DomainError('principal_kind_refused', `Only a human may decide this; this token is of the kind ${who}.`);
  }
}

function tokenOf(header: string | undefined, schemes: readonly string[]): string {
  const expected = schemes.map((scheme) => `'Authorization: ${capitalized(scheme)} TOKEN'`).join(' or ');
  if (header === undefined || header.trim() === '') {
    throw new DomainError('token_missing', { field: 'authorization', reason: `Send ${expected}.` });
  }
  const [, scheme = '', token = ''] = /^(\S+)\s+(\S+)\s*$/.exec(header) ?? [];
  if (!schemes.includes(scheme.toLowerCase())) {
    throw new DomainError('token_invalid', { field: 'authorization', reason: `The header must be ${expected}.` });
  }
  return token;
}

const capitalized = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

const rolesInWords = ({ roles }: Principal): string =>
  roles.length === 0 ? 'no role' : `the ${roles.length === 1 ? 'role' : 'roles'} ${roles.join(', ')}`;
