import type { TObject } from 'typebox';
import type { PollConfiguration, PollKind } from '#contracts/source-poll';
import type { PollTarget } from './poll-target';

/** An alert as the API has written it. It may be no JSON: then it is refused by name, and those beside it are taken. */
export interface ListedAlert {
  readonly text: string;
  /** Milliseconds since the epoch; undefined where it cannot be read. */
  readonly modifiedAt: number | undefined;
}

export interface ListedPage {
  readonly alerts: readonly ListedAlert[];
  /** How to ask for what comes after; undefined at the end. */
  readonly continuation: string | undefined;
  /** By the API's clock, when it had not been asked yet; milliseconds since the epoch, undefined where it tells no time. */
  readonly askedAt: number | undefined;
}

export interface PollApi {
  /**
   * The alerts that were changed at `since` (milliseconds since the epoch) or later.
   * @throws what PollTarget.send throws, and DomainError('answer_unreadable').
   */
  list(since: number, continuation: string | undefined): Promise<ListedPage>;
}

/** The settings of a poll with its secrets in them. */
export type OpenSettings = Readonly<Record<string, string>>;

/** One product's API. */
export interface PolledProduct {
  /** What reads its alerts, unless the source says otherwise. */
  readonly format: string;
  /** Whether it lists by the time of the change, the earliest first. */
  readonly isAscending: boolean;
  readonly largestPage: number;
  readonly lookBackSeconds: number;
  readonly intervalSeconds: number;
  /** What `settings` of a configuration must be. */
  readonly settings: TObject;
  /** Where the API is, unless the settings say otherwise. */
  urls(settings: OpenSettings): readonly string[];
  open(configuration: PollConfiguration, settings: OpenSettings, target: PollTarget, tokens: AccessTokens): PollApi;
}

/** Access tokens of one poll, kept from poll to poll. */
export interface AccessTokens {
  /** Does `work` with a token; with a new one, once, where it is refused. */
  with<Result>(ask: () => Promise<AccessToken>, work: (token: string) => Promise<Result>): Promise<Result>;
}

export interface AccessToken {
  readonly token: string;
  readonly expiresInSeconds: number;
}

export type ProductsByKind = Readonly<Record<PollKind, PolledProduct>>;
