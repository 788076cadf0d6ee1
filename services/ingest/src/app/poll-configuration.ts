import Type from 'typebox';
import type { ConfigurePoll } from '#contracts/http/ingest';
import type { PollConfiguration } from '#contracts/source-poll';
import { destinationOf, isListedHost, refuseInlineCredentials } from '#libs/egress';
import { DomainError } from '#libs/kernel';
import { demandValid, isLoopback, type Profile } from '#libs/service';
import type { PolledProduct } from '../adapters/polls/poll-api';
import { POLLED_PRODUCTS } from '../adapters/polls/products';

const TIMEOUT_SECONDS = 30;

/**
 * What an administrator asks for, with the defaults of its kind filled in.
 * @throws DomainError naming a setting that is wrong, a credential that is written out, or a host that is not listed.
 */
export function checkedPoll(asked: ConfigurePoll, profile: Profile): PollConfiguration {
  const { kind, settings } = asked;
  const product = POLLED_PRODUCTS[kind];
  refuseInlineCredentials(settings);
  demandValid(Type.Object({ settings: product.settings }), { settings }, 'settings');
  const pageSize = asked.pageSize ?? Math.min(product.largestPage, 100);
  if (pageSize > product.largestPage) {
    throw wrong('pageSize', `${kind} gives at most ${product.largestPage} at once.`);
  }
  const urls = product.urls(settings).map((url) => checkedUrl(url, profile));
  return {
    ...{ kind, settings, pageSize },
    allowedHosts: checkedHosts(asked.allowedHosts, urls, isElsewhere(product, settings)),
    intervalSeconds: asked.intervalSeconds ?? product.intervalSeconds,
    lookBackSeconds: asked.lookBackSeconds ?? product.lookBackSeconds,
    timeoutSeconds: asked.timeoutSeconds ?? TIMEOUT_SECONDS,
  };
}

/** Whether the settings name a place of their own: then its hosts have to be listed, too. */
function isElsewhere(product: PolledProduct, settings: Readonly<Record<string, string>>): boolean {
  const { baseUrl: _, logInUrl: __, ...rest } = settings;
  return String(product.urls(settings)) !== String(product.urls(rest));
}

function checkedUrl(text: string, profile: Profile): URL {
  if (!URL.canParse(text)) throw wrong('settings.baseUrl', `"${text}" is no URL.`);
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    throw wrong('settings.baseUrl', 'A credential must be a reference (secret://name@version), never part of a URL.');
  }
  if (url.pathname !== '/' || url.search !== '') {
    throw wrong('settings.baseUrl', `"${text}" has a path: only the host is of your choice.`);
  }
  if (profile !== 'production') return url;
  if (url.protocol !== 'https:')
    throw wrong('settings.baseUrl', 'The production profile sends credentials by https alone.');
  if (isLoopback(destinationOf(url).host))
    throw wrong('settings.baseUrl', 'The production profile polls no loopback target.');
  return url;
}

function checkedHosts(asked: readonly string[] | undefined, urls: readonly URL[], isAskedFor: boolean): string[] {
  if (asked === undefined && !isAskedFor) return [...new Set(urls.map(({ host }) => host))];
  const allowedHosts = [...(asked ?? [])];
  for (const url of urls) {
    const destination = destinationOf(url);
    if (isListedHost({ allowedHosts }, destination)) continue;
    throw wrong('allowedHosts', `${destination.host}:${destination.port} is polled, and is not among them.`);
  }
  return allowedHosts;
}

const wrong = (field: string, reason: string): DomainError => new DomainError('invalid_field', { field, reason });
