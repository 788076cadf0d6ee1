import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { type Clock, DomainError, isJsonObject, isStorableText, systemClock } from '#libs/kernel';
import type { PrincipalKind } from '#contracts/envelope';
import { API_AUDIENCE, MCP_AUDIENCE, ROLES, type Principal, type Role } from '#contracts/identity';

const ALGORITHMS = ['EdDSA', 'Ed25519', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256'];
const CLOCK_TOLERANCE_S = 5;
const DISCOVERY_TIMEOUT_MS = 3_000;

/**
 * Turns a JWT of the configured issuer into a principal. The issuer's keys are fetched by OIDC discovery at the first
 * token, cached, and fetched again when a token names a key that is not among them.
 */
export class TokenVerifier {
  private keys: Promise<JWTVerifyGetKey> | undefined;

  constructor(
    private readonly issuer: string,
    private readonly clients: ReadonlyMap<string, PrincipalKind>,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Throws DomainError: `token_invalid` with the reason, or `service_unavailable` when the issuer cannot be asked. */
  async verify(token: string): Promise<Principal> {
    return this.principalOf(await this.claimsOf(token));
  }

  private async claimsOf(token: string): Promise<JWTPayload> {
    const keys = await this.keySet();
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: this.issuer,
        audience: [API_AUDIENCE, MCP_AUDIENCE],
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp', 'iat', 'aud'],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: this.clock.now(),
      });
      return payload;
    } catch (error) {
      throw tokenError(error);
    }
  }

  private async keySet(): Promise<JWTVerifyGetKey> {
    this.keys ??= discoverKeys(this.issuer);
    try {
      return await this.keys;
    } catch (error) {
      this.keys = undefined;
      throw new DomainError('service_unavailable', {
        reason: `The token issuer ${this.issuer} does not answer, so no token can be checked. Try again.`,
        cause: error,
      });
    }
  }

  private principalOf(claims: JWTPayload): Principal {
    const clientId = this.clientOf(claims);
    const kind = this.clients.get(clientId);
    if (kind === undefined) {
      throw invalid(
        `client '${clientId}' is not registered here, so it is not known whether it is a human (OIDC_CLIENTS)`,
      );
    }
    const subject = textClaim(claims, 'sub');
    const tenant = textClaim(claims, 'tenant');
    const audience = [claims.aud].flat().includes(MCP_AUDIENCE) ? MCP_AUDIENCE : API_AUDIENCE;
    const base = { tenant, roles: rolesOf(claims), audience, clientId };

    // A token with an `act` claim (RFC 8693, section 4.1) is used by somebody else than its subject, whatever client
    // it was issued to; an agent's token without one still has a human behind it unless it names the agent itself.
    const acting = 'act' in claims ? actingParty(claims.act) : undefined;
    if (acting !== undefined)
      return { ...base, subject: acting, kind: kind === 'service' ? kind : 'agent', behalfOf: subject };
    if (kind === 'agent' && subject !== clientId) return { ...base, subject: clientId, kind, behalfOf: subject };
    return { ...base, subject, kind };
  }

  private clientOf(claims: JWTPayload): string {
    const { azp, client_id: clientId } = claims;
    if (azp !== undefined && clientId !== undefined && azp !== clientId) {
      throw invalid('its claims azp and client_id name different clients');
    }
    return textClaim(claims, azp === undefined ? 'client_id' : 'azp');
  }
}

async function discoverKeys(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer}/.well-known/openid-configuration`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS), redirect: 'error' });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
  const document: unknown = await answer.json();
  const jwksUri = typeof document === 'object' && document !== null && 'jwks_uri' in document && document.jwks_uri;
  if (typeof jwksUri !== 'string') throw new Error(`${url} has no jwks_uri`);
  return createRemoteJWKSet(new URL(jwksUri), { timeoutDuration: DISCOVERY_TIMEOUT_MS, cooldownDuration: 1_000 });
}

function tokenError(error: unknown): DomainError {
  if (error instanceof errors.JWTExpired) return invalid('it has expired; get a new one', error);
  if (error instanceof errors.JWTClaimValidationFailed) return invalid(claimReason(error), error);
  if (error instanceof errors.JWKSNoMatchingKey)
    return invalid('it was signed by a key that is not the issuer’s', error);
  if (error instanceof errors.JWSSignatureVerificationFailed) return invalid('its signature does not verify', error);
  if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) {
    return new DomainError('service_unavailable', {
      reason: 'The token issuer does not answer, so no token can be checked. Try again.',
      cause: error,
    });
  }
  return error.code === 'ERR_JOSE_GENERIC'
    ? new DomainError('service_unavailable', {
        reason: 'The keys of the token issuer cannot be read, so no token can be checked. Try again.',
        cause: error,
      })
    : invalid('it is not a JWT of the issuer', error);
}

function claimReason({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `it has no claim '${claim}'`;
  if (claim === 'aud') return `it was issued for another audience than ${API_AUDIENCE}`;
  if (claim === 'iss') return 'it comes from another issuer';
  if (claim === 'nbf') return 'it is not valid yet';
  return `its claim '${claim}' is wrong`;
}

function rolesOf(claims: JWTPayload): Role[] {
  const { roles } = claims;
  if (!Array.isArray(roles)) throw invalid("it has no list 'roles'");
  // The role `source` belongs to source tokens alone. Roles that are not ours are somebody else's business.
  return ROLES.filter((role) => role !== 'source' && roles.includes(role));
}

function actingParty(act: unknown): string {
  const named = isJsonObject(act) && typeof act.sub === 'string' && act.sub !== '' ? act.sub : undefined;
  if (named === undefined) throw invalid("its claim 'act' names nobody");
  return named;
}

function textClaim(claims: JWTPayload, name: string): string {
  const value = claims[name];
  if (typeof value !== 'string' || value === '' || value.length > 200 || !isStorableText(value)) {
    throw invalid(`its claim '${name}' is missing or no text of up to 200 characters`);
  }
  return value;
}

function invalid(reason: string, cause?: unknown): DomainError {
  return new DomainError('token_invalid', {
    field: 'authorization',
    reason: `The token is refused: ${reason}.`,
    cause,
  });
}
