import type { Endpoint } from '#contracts/http/endpoint';
import { ENDPOINTS } from '#contracts/http/endpoints';
import { API_AUDIENCE, permits, ROLES, type Role } from '#contracts/identity';
import type { LocalIssuer } from './auth/local-issuer';

/** One call of the walk, and what the table of endpoints says it must be answered. */
export interface EndpointVisit {
  readonly endpoint: Endpoint;
  /** `no token`, `a wrong token`, `an agent`, or a role. */
  readonly caller: string;
  readonly path: string;
  readonly authorization?: string;
  /** `let in`: anything but 401 and 403, since the visit sends no valid body. */
  readonly expected: 'let in' | 401 | 403;
}

export interface Walk {
  readonly issuer: LocalIssuer;
  /** Through the gateway, or a service's own port. */
  readonly urlOf: (endpoint: Endpoint) => string | undefined;
  readonly endpoints?: readonly Endpoint[];
}

/** Streams that never end and pages of files have no body to wait for: the status says all. */
const PATIENCE_MS = 10_000;

/**
 * Visits every endpoint with no token, a wrong one, every role, and as an agent that claims the role of an owner.
 * Returns a line for each visit that was answered otherwise than the table says; empty is good. Nothing is changed:
 * where a caller is let in, what it sends is not what the endpoint takes.
 */
export async function walkEndpoints({ issuer, urlOf, endpoints = ENDPOINTS }: Walk): Promise<string[]> {
  const wrong: string[] = [];
  for (const endpoint of endpoints) {
    const origin = urlOf(endpoint);
    if (origin === undefined) continue;
    for (const visit of await visitsOf(endpoint, issuer)) {
      const status = await statusOf(origin, visit);
      const isRefused = status === 401 || status === 403;
      const isRight = visit.expected === 'let in' ? !isRefused && status < 500 : status === visit.expected;
      if (!isRight) {
        wrong.push(`${endpoint.method} ${endpoint.path} as ${visit.caller}: ${status}, expected ${visit.expected}`);
      }
    }
  }
  return wrong;
}

async function visitsOf(endpoint: Endpoint, issuer: LocalIssuer): Promise<EndpointVisit[]> {
  const path = endpoint.path.replace(/:\w+/g, 'nothing-of-this-name').replace('*', 'nothing');
  const visit = (caller: string, expected: EndpointVisit['expected'], token?: string): EndpointVisit => ({
    endpoint,
    caller,
    path,
    expected,
    authorization: token === undefined ? undefined : `Bearer ${token}`,
  });
  if (endpoint.auth === 'public') return [visit('no token', 'let in'), visit('a wrong token', 'let in', 'wrong')];
  const visits = [visit('no token', 401), visit('a wrong token', 401, 'wrong')];
  if (endpoint.auth === 'source') return visits;
  for (const role of ROLES.filter((name) => name !== 'source')) {
    const allowed = permits([role], endpoint.permission);
    visits.push(visit(role, allowed ? 'let in' : 403, await tokenFor(role, endpoint, issuer)));
  }
  if (endpoint.decision === true) {
    const claims = { sub: 'walker', roles: ROLES, azp: 'countersign-agent', act: { sub: 'countersign-agent' } };
    visits.push(visit('an agent', 403, await issuer.sign({ ...claims, aud: API_AUDIENCE })));
    visits.push(visit('an agent of the MCP audience', 403, await issuer.sign({ ...claims, aud: 'countersign-mcp' })));
  }
  return visits;
}

function tokenFor(role: Role, endpoint: Endpoint & { auth: 'user' }, issuer: LocalIssuer): Promise<string> {
  const aud = endpoint.audience ?? API_AUDIENCE;
  return issuer.sign({ sub: `walker-${role}`, roles: [role], azp: 'countersign-cli', aud });
}

/** The body is JSON of the wrong form, so that nobody who is let in changes anything. */
async function statusOf(origin: string, { endpoint, path, authorization }: EndpointVisit): Promise<number> {
  const aborting = new AbortController();
  const timer = setTimeout(() => aborting.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(`${origin}${path}`, {
      method: endpoint.method,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(endpoint.method !== 'GET' && { 'content-type': 'application/json' }),
      },
      body: endpoint.method === 'GET' ? undefined : '{"not":"what this endpoint takes"}',
      redirect: 'manual',
      signal: aborting.signal,
    });
    return answer.status;
  } finally {
    clearTimeout(timer);
    aborting.abort();
  }
}
