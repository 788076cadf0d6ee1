import Type, { type TProperties } from 'typebox';
import { DomainError } from '#libs/kernel';
import { askForToken, CLIENT_SETTINGS } from './access-tokens';
import type { OpenSettings, PollApi, PolledProduct } from './poll-api';
import { alertsIn, answerOf, textIn } from './poll-page';
import type { PollTarget, TargetAnswer } from './poll-target';

const LOG_IN = 'https://login.microsoftonline.com';
const SECURITY_INSIGHTS_VERSION = '2024-09-01';

interface Listing {
  readonly format: string;
  readonly isAscending: boolean;
  readonly largestPage: number;
  readonly home: string;
  readonly settings?: TProperties;
  path(settings: OpenSettings): string;
  query(since: string, pageSize: number): Record<string, string>;
  /** Where an alert says when it was changed. */
  readonly modified: readonly string[];
  readonly nextLink: string;
}

/** Incidents of a Sentinel workspace, by Azure Resource Manager. https://learn.microsoft.com/rest/api/securityinsights/incidents/list */
export const sentinelIncidents = product({
  format: 'microsoft-sentinel-incident',
  isAscending: true,
  largestPage: 1_000,
  home: 'https://management.azure.com',
  settings: {
    subscriptionId: Type.String({ minLength: 1 }),
    resourceGroup: Type.String({ minLength: 1 }),
    workspace: Type.String({ minLength: 1 }),
  },
  path: (settings) =>
    [
      ...['/subscriptions', part(settings, 'subscriptionId'), 'resourceGroups', part(settings, 'resourceGroup')],
      ...['providers/Microsoft.OperationalInsights/workspaces', part(settings, 'workspace')],
      'providers/Microsoft.SecurityInsights/incidents',
    ].join('/'),
  query: (since, pageSize) => ({
    'api-version': SECURITY_INSIGHTS_VERSION,
    $filter: `properties/lastModifiedTimeUtc ge ${since}`,
    $orderby: 'properties/lastModifiedTimeUtc asc',
    $top: String(pageSize),
  }),
  modified: ['properties', 'lastModifiedTimeUtc'],
  nextLink: 'nextLink',
});

/** Incidents of Defender XDR with their alerts, the newest first. https://learn.microsoft.com/graph/api/security-list-incidents */
export const defenderIncidents = product({
  format: 'microsoft-defender-incident',
  isAscending: false,
  largestPage: 50,
  home: 'https://graph.microsoft.com',
  path: () => '/v1.0/security/incidents',
  query: (since, pageSize) => ({
    $filter: `lastUpdateDateTime ge ${since}`,
    $expand: 'alerts',
    $top: String(pageSize),
  }),
  modified: ['lastUpdateDateTime'],
  nextLink: '@odata.nextLink',
});

/** Alerts of Defender XDR, the newest first. https://learn.microsoft.com/graph/api/security-list-alerts_v2 */
export const defenderAlerts = product({
  format: 'microsoft-defender-alert',
  isAscending: false,
  largestPage: 1_000,
  home: 'https://graph.microsoft.com',
  path: () => '/v1.0/security/alerts_v2',
  query: (since, pageSize) => ({ $filter: `lastUpdateDateTime ge ${since}`, $top: String(pageSize) }),
  modified: ['lastUpdateDateTime'],
  nextLink: '@odata.nextLink',
});

function product(listing: Listing): PolledProduct {
  const { format, isAscending, largestPage, home } = listing;
  return {
    ...{ format, isAscending, largestPage, lookBackSeconds: 900, intervalSeconds: 60 },
    settings: Type.Object(
      {
        tenantId: Type.String({ minLength: 1 }),
        ...CLIENT_SETTINGS,
        ...listing.settings,
        baseUrl: Type.Optional(Type.String({ pattern: '^https?://' })),
        logInUrl: Type.Optional(Type.String({ pattern: '^https?://' })),
        scope: Type.Optional(Type.String({ minLength: 1 })),
      },
      { additionalProperties: false },
    ),
    urls: ({ baseUrl = home, logInUrl = LOG_IN }) => [baseUrl, logInUrl],
    open: (configuration, settings, target, tokens): PollApi => {
      const base = new URL(settings['baseUrl'] ?? home);
      const token = () => tokenOf(target, base, settings);
      return {
        list: async (since, continuation) => {
          const url = continuation === undefined ? new URL(listing.path(settings), base) : followed(continuation, base);
          if (continuation === undefined) {
            const asked = listing.query(new Date(since).toISOString(), configuration.pageSize);
            for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
          }
          const { text, askedAt } = await tokens.with(token, (bearer) => get(target, url, bearer));
          const answer = answerOf(text);
          const alerts = alertsIn(answer, 'value', listing.modified);
          return { alerts, continuation: textIn(answer, listing.nextLink), askedAt };
        },
      };
    },
  };
}

const part = (settings: OpenSettings, name: string): string => encodeURIComponent(settings[name] ?? '');

function get(target: PollTarget, url: URL, bearer: string): Promise<TargetAnswer> {
  return target.send({ method: 'GET', url, headers: { authorization: `Bearer ${bearer}` } });
}

function tokenOf(target: PollTarget, base: URL, settings: OpenSettings) {
  const { tenantId = '', clientId = '', clientSecret = '', logInUrl = LOG_IN } = settings;
  return askForToken(target, new URL(`/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`, logInUrl), {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope: settings['scope'] ?? `${base.origin}/.default`,
  });
}

/** The token goes to nobody but the API, whatever a link in an answer names. */
function followed(link: string, base: URL): URL {
  const url = URL.canParse(link, base.origin) ? new URL(link, base) : undefined;
  if (url?.origin === base.origin) return url;
  throw new DomainError('egress_refused', `The next page is not at ${base.origin}: it is not asked for.`);
}
