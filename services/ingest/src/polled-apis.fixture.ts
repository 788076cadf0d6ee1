import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConfigurePoll } from '#contracts/http/ingest';
import type { PollKind } from '#contracts/source-poll';
import type { JsonObject } from '#libs/kernel';

/** One alert as an API holds it. */
export interface HeldAlert {
  readonly id: string;
  /** RFC 3339. */
  modifiedAt: string;
  /** What the API writes instead of the alert: no JSON. */
  broken?: string;
  title: string;
}

export interface AskedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** JSON, or a text as it is. */
  readonly body: JsonObject | string;
}

export const SECRET = 'the-secret-that-stays-where-it-is';
const ACCESS_KEY = 'AKIDEXAMPLE';
const REGION = 'eu-central-1';
const DETECTOR = '12abc34d567e8fa901bc2d34e56789f0';

/**
 * The APIs of the products that are polled, on one port of this machine, in the shapes that their documentation shows: log-in,
 * filters by the time of a change, pages, order. A test holds the alerts, and can answer in place of the API.
 */
export class PolledApis {
  readonly alerts: HeldAlert[] = [];
  readonly asked: AskedRequest[] = [];
  /** Answers instead of the API. */
  instead: (request: AskedRequest) => Reply | undefined = () => undefined;
  /** The clock of the API. */
  now: () => Date = () => new Date();
  port = 0;
  private readonly tokens = new Set<string>();
  private readonly server = createServer((request, response) => void this.serve(request, response));

  static async start(): Promise<PolledApis> {
    const apis = new PolledApis();
    await new Promise<void>((resolve) => apis.server.listen(0, '127.0.0.1', resolve));
    apis.port = (apis.server.address() as AddressInfo).port;
    return apis;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What a source is polled by that has its alerts from here. */
  poll(kind: PollKind, changes: Partial<ConfigurePoll> = {}): ConfigurePoll {
    const client = { clientId: 'the-client', clientSecret: 'secret://product@1', baseUrl: this.url };
    const microsoft = { ...client, tenantId: 'the-tenant', logInUrl: this.url };
    const settings: Record<PollKind, Record<string, string>> = {
      'microsoft-sentinel-incidents': { ...microsoft, subscriptionId: 'sub', resourceGroup: 'soc', workspace: 'siem' },
      'microsoft-defender-incidents': microsoft,
      'microsoft-defender-alerts': microsoft,
      'crowdstrike-alerts': client,
      'aws-guardduty-findings': {
        ...{ region: REGION, detectorId: DETECTOR, accessKeyId: ACCESS_KEY },
        ...{ secretAccessKey: 'secret://product@1', baseUrl: this.url },
      },
    };
    return {
      ...{ kind, settings: settings[kind], allowedHosts: [`127.0.0.1:${this.port}`] },
      ...{ intervalSeconds: 1, pageSize: 2, timeoutSeconds: 5 },
      ...changes,
    };
  }

  hold(id: string, modifiedAt: Date, more: Partial<HeldAlert> = {}): HeldAlert {
    const alert: HeldAlert = { id, modifiedAt: modifiedAt.toISOString(), title: `Finding ${id}`, ...more };
    this.alerts.push(alert);
    return alert;
  }

  /** Every access token ends, as after an hour or a change of the application. */
  expireTokens(): void {
    this.tokens.clear();
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const { method = '', url = '', headers } = request;
    const { pathname: path, searchParams: query } = new URL(url, this.url);
    const asked: AskedRequest = { method, path, query, headers, body: Buffer.concat(chunks).toString('utf8') };
    this.asked.push(asked);
    const { status, headers: more = {}, body } = this.instead(asked) ?? this.answer(asked);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.sendDate = false;
    response
      .writeHead(status, { 'content-type': 'application/json', date: this.now().toUTCString(), ...more })
      .end(text);
  }

  private answer(asked: AskedRequest): Reply {
    const { path, body } = asked;
    if (path === '/the-tenant/oauth2/v2.0/token') {
      const form = new URLSearchParams(body);
      const isKnown = form.get('grant_type') === 'client_credentials' && form.get('scope') === `${this.url}/.default`;
      return this.logIn(form, isKnown, 200);
    }
    if (path === '/oauth2/token') return this.logIn(new URLSearchParams(body), true, 201);
    if (path.startsWith('/detector/')) return this.guardduty(asked);
    if (!this.tokens.has(asked.headers.authorization?.replace('Bearer ', '') ?? '')) {
      return { status: 401, body: { error: { code: 'InvalidAuthenticationToken', message: 'Lifetime has passed.' } } };
    }
    if (path.startsWith('/v1.0/security/')) return this.graph(asked);
    if (path.startsWith('/subscriptions/sub/resourceGroups/soc/')) return this.sentinel(asked);
    if (path.startsWith('/alerts/')) return this.crowdstrike(asked);
    return { status: 404, body: { error: 'not found' } };
  }

  private logIn(form: URLSearchParams, isKnown: boolean, status: number): Reply {
    if (!isKnown || form.get('client_id') !== 'the-client' || form.get('client_secret') !== SECRET) {
      return { status: 401, body: { error: 'invalid_client', error_description: `Not ${form.get('client_secret')}` } };
    }
    const token = `token-${this.asked.length}`;
    this.tokens.add(token);
    return { status, body: { token_type: 'Bearer', expires_in: 1799, access_token: token } };
  }

  private graph({ path, query }: AskedRequest): Reply {
    const since = /^lastUpdateDateTime ge (\S+)$/.exec(query.get('$filter') ?? '')?.[1];
    if (since === undefined) return { status: 400, body: { error: { code: 'BadRequest' } } };
    const skip = Number(query.get('$skiptoken') ?? 0);
    const top = Number(query.get('$top'));
    const found = this.since(since).reverse();
    const next = new URLSearchParams(query);
    next.set('$skiptoken', String(skip + top));
    const write = path.endsWith('alerts_v2') ? graphAlert : graphIncident;
    return page('value', found.slice(skip, skip + top).map(written(write)), {
      '@odata.context': `${this.url}/v1.0/$metadata#security`,
      ...(skip + top < found.length && { '@odata.nextLink': `${this.url}${path}?${next.toString()}` }),
    });
  }

  private sentinel({ path, query }: AskedRequest): Reply {
    const since = /^properties\/lastModifiedTimeUtc ge (\S+)$/.exec(query.get('$filter') ?? '')?.[1];
    const isOrdered = query.get('$orderby') === 'properties/lastModifiedTimeUtc asc';
    if (since === undefined || !isOrdered || !query.has('api-version') || !path.endsWith('/incidents')) {
      return { status: 400, body: { error: { code: 'BadRequest' } } };
    }
    const skip = Number(query.get('$skipToken') ?? 0);
    const top = Number(query.get('$top'));
    const found = this.since(since);
    const next = new URLSearchParams(query);
    next.set('$skipToken', String(skip + top));
    return page('value', found.slice(skip, skip + top).map(written(sentinelIncident)), {
      ...(skip + top < found.length && { nextLink: `${this.url}${path}?${next.toString()}` }),
    });
  }

  private crowdstrike({ path, query, body }: AskedRequest): Reply {
    if (path === '/alerts/entities/alerts/v2') {
      const { composite_ids: ids }: { composite_ids: string[] } = JSON.parse(body);
      const found = this.alerts.filter(({ id }) => ids.includes(`c1:ind:${id}`));
      return page('resources', found.map(written(crowdstrikeAlert)), { errors: [] });
    }
    const since = /^updated_timestamp:>='(\S+)'$/.exec(query.get('filter') ?? '')?.[1];
    if (since === undefined || query.get('sort') !== 'updated_timestamp|asc') return { status: 400, body: {} };
    const offset = Number(query.get('offset'));
    const limit = Number(query.get('limit'));
    const found = this.since(since);
    const ids = found.slice(offset, offset + limit).map(({ id }) => `c1:ind:${id}`);
    const pagination = { offset, limit, total: found.length };
    return { status: 200, body: { meta: { pagination }, resources: ids, errors: [] } };
  }

  private guardduty(asked: AskedRequest): Reply {
    if (asked.headers.authorization !== signatureOf(asked)) {
      const message = 'The request signature we calculated does not match the signature you provided.';
      return { status: 403, headers: { 'x-amzn-errortype': 'InvalidSignatureException:' }, body: { message } };
    }
    const wanted = JSON.parse(asked.body);
    if (asked.path === `/detector/${DETECTOR}/findings/get`) {
      const found = this.alerts.filter(({ id }) => wanted.findingIds.includes(id));
      return page('findings', found.map(written(guarddutyFinding)), {});
    }
    const since = new Date(wanted.findingCriteria.criterion.updatedAt.greaterThanOrEqual).toISOString();
    const skip = Number(wanted.nextToken ?? 0);
    const found = this.since(since);
    const findingIds = found.slice(skip, skip + wanted.maxResults).map(({ id }) => id);
    const isMore = skip + wanted.maxResults < found.length;
    return { status: 200, body: { findingIds, nextToken: isMore ? String(skip + wanted.maxResults) : '' } };
  }

  /** The earliest change first. */
  private since(time: string): HeldAlert[] {
    return this.alerts
      .filter(({ modifiedAt }) => modifiedAt >= time)
      .sort((one, other) => (one.modifiedAt < other.modifiedAt ? -1 : 1));
  }
}

const written =
  (write: (alert: HeldAlert) => JsonObject) =>
  (alert: HeldAlert): string =>
    alert.broken ?? JSON.stringify(write(alert));

function page(name: string, alerts: readonly string[], more: JsonObject): Reply {
  const rest = JSON.stringify(more).slice(1, -1);
  return { status: 200, body: `{"${name}":[${alerts.join(',')}]${rest === '' ? '' : `,${rest}`}}` };
}

const graphAlert = ({ id, modifiedAt, title }: HeldAlert): JsonObject => ({
  ...{ '@odata.type': '#microsoft.graph.security.alert', id, tenantId: 'the-tenant', title, severity: 'high' },
  ...{ createdDateTime: '2026-11-24T10:00:00Z', lastUpdateDateTime: modifiedAt, status: 'new', evidence: [] },
  ...{ serviceSource: 'microsoftDefenderForEndpoint', category: 'Execution', mitreTechniques: ['T1059'] },
});

const graphIncident = ({ id, modifiedAt, title }: HeldAlert): JsonObject => ({
  ...{ id, tenantId: 'the-tenant', displayName: title, severity: 'medium', status: 'active', alerts: [] },
  ...{ createdDateTime: '2026-11-24T10:00:00Z', lastUpdateDateTime: modifiedAt },
  incidentWebUrl: `https://security.microsoft.com/incidents/${id}`,
});

const sentinelIncident = ({ id, modifiedAt, title }: HeldAlert): JsonObject => ({
  id: `/subscriptions/sub/resourceGroups/soc/incidents/${id}`,
  ...{ name: id, etag: '"1"', type: 'Microsoft.SecurityInsights/incidents' },
  properties: {
    ...{ title, severity: 'High', status: 'New', incidentNumber: 7, createdTimeUtc: '2026-11-24T10:00:00Z' },
    lastModifiedTimeUtc: modifiedAt,
  },
});

const crowdstrikeAlert = ({ id, modifiedAt, title }: HeldAlert): JsonObject => ({
  ...{ composite_id: `c1:ind:${id}`, cid: 'c1', display_name: title, severity: 70, severity_name: 'High' },
  ...{ created_timestamp: '2026-11-24T10:00:00Z', updated_timestamp: modifiedAt, status: 'new' },
});

const guarddutyFinding = ({ id, modifiedAt, title }: HeldAlert): JsonObject => ({
  ...{ id, accountId: '123456789012', region: REGION, type: 'Recon:EC2/PortProbeUnprotectedPort', severity: 5, title },
  arn: `arn:aws:guardduty:${REGION}:123456789012:detector/${DETECTOR}/finding/${id}`,
  ...{ createdAt: '2026-11-24T10:00:00.000Z', updatedAt: modifiedAt, service: { detectorId: DETECTOR, count: 1 } },
});

/** What `Authorization` must be: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function signatureOf({ method, path, headers, body }: AskedRequest): string {
  const names = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1] ?? '';
  const date = String(headers['x-amz-date']);
  const canonical = [
    ...[method, path, ''],
    ...names.split(';').map((name) => `${name}:${String(headers[name]).trim()}`),
    ...['', names, createHash('sha256').update(body).digest('hex')],
  ].join('\n');
  const scope = `${date.slice(0, 8)}/${REGION}/guardduty/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const key = scope.split('/').reduce<Buffer | string>((with_, part) => hmac(with_, part), `AWS4${SECRET}`);
  const signature = hmac(key, toSign).toString('hex');
  return `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
}

const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();
