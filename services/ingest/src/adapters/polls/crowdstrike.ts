import Type from 'typebox';
import { askForToken, CLIENT_SETTINGS } from './access-tokens';
import type { ListedPage, PollApi, PolledProduct } from './poll-api';
import { alertsIn, answerOf, objectOf, textsIn, unreadable } from './poll-page';
import type { PollTarget } from './poll-target';

const HOME = 'https://api.crowdstrike.com';

/**
 * Alerts of Falcon: their ids, and then themselves.
 * https://developer.crowdstrike.com/api-reference/collections/alerts/
 */
export const crowdstrikeAlerts: PolledProduct = {
  ...{ format: 'crowdstrike-alert', isAscending: true, largestPage: 1_000, lookBackSeconds: 900, intervalSeconds: 60 },
  settings: Type.Object(
    { ...CLIENT_SETTINGS, baseUrl: Type.Optional(Type.String({ pattern: '^https?://' })) },
    { additionalProperties: false },
  ),
  urls: ({ baseUrl = HOME }) => [baseUrl],
  open: ({ pageSize }, settings, target, tokens): PollApi => {
    const base = new URL(settings['baseUrl'] ?? HOME);
    const { clientId: client_id = '', clientSecret: client_secret = '' } = settings;
    const token = () => askForToken(target, new URL('/oauth2/token', base), { client_id, client_secret });
    return {
      list: (since, continuation) =>
        tokens.with(token, (bearer) =>
          page(target, base, bearer, { since, offset: Number(continuation ?? 0), pageSize }),
        ),
    };
  },
};

interface Asked {
  readonly since: number;
  readonly offset: number;
  readonly pageSize: number;
}

async function page(target: PollTarget, base: URL, bearer: string, asked: Asked): Promise<ListedPage> {
  const headers = { authorization: `Bearer ${bearer}` };
  const url = new URL('/alerts/queries/alerts/v2', base);
  url.searchParams.set('filter', `updated_timestamp:>='${new Date(asked.since).toISOString()}'`);
  url.searchParams.set('sort', 'updated_timestamp|asc');
  url.searchParams.set('limit', String(asked.pageSize));
  url.searchParams.set('offset', String(asked.offset));
  const { text, askedAt } = await target.send({ method: 'GET', url, headers });
  const ids = textsIn(answerOf(text), 'resources');
  const continuation = ids.length < asked.pageSize ? undefined : String(asked.offset + ids.length);
  if (ids.length === 0) return { alerts: [], continuation, askedAt };
  const entities = await target.send({
    ...{ method: 'POST', url: new URL('/alerts/entities/alerts/v2', base) },
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ composite_ids: ids }),
  });
  const answer = answerOf(entities.text);
  const alerts = alertsIn(answer, 'resources', ['updated_timestamp']);
  demandAll(alerts.length, ids.length, answer.get('errors'));
  return { alerts, continuation, askedAt };
}

/** An alert that is gone is left out; one that could not be read now is said to be under `errors`, and is asked for again. */
function demandAll(given: number, asked: number, errors: string | undefined): void {
  if (given >= asked || errors === undefined || !/[^\s[\]]/.test(errors) || errors === 'null') return;
  const codes = objectOf(`{"errors":${errors}}`)['errors'];
  throw unreadable(`It has ${given} of ${asked} alerts, and errors: ${JSON.stringify(codes).slice(0, 200)}`);
}
