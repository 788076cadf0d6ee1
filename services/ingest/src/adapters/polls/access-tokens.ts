import Type from 'typebox';
import { DomainError } from '#libs/kernel';
import type { PlainAnswer } from '#libs/egress';
import type { AccessToken, AccessTokens } from './poll-api';
import type { PollTarget } from './poll-target';
import { objectOf } from './poll-page';

/** A token is not used for the last part of its life: it might end on the way. Seconds. */
const RESERVE_SECONDS = 60;

/** The token of one poll, until it expires by a clock that nobody sets, or is refused. */
export class KeptToken implements AccessTokens {
  private kept: { readonly token: string; readonly until: number } | undefined;

  constructor(private readonly monotonicMs: () => number = () => performance.now()) {}

  async with<Result>(ask: () => Promise<AccessToken>, work: (token: string) => Promise<Result>): Promise<Result> {
    const isKept = this.kept !== undefined && this.kept.until > this.monotonicMs();
    const token = isKept && this.kept !== undefined ? this.kept.token : await this.renew(ask);
    try {
      return await work(token);
    } catch (error) {
      if (!isKept || !(error instanceof DomainError) || error.code !== 'credentials_refused') throw error;
      return work(await this.renew(ask));
    }
  }

  private async renew(ask: () => Promise<AccessToken>): Promise<string> {
    this.kept = undefined;
    const { token, expiresInSeconds } = await ask();
    this.kept = { token, until: this.monotonicMs() + (expiresInSeconds - RESERVE_SECONDS) * 1_000 };
    return token;
  }
}

/** A token by client credentials (RFC 6749, section 4.4). */
export async function askForToken(
  target: PollTarget,
  url: URL,
  form: Readonly<Record<string, string>>,
): Promise<AccessToken> {
  const { text } = await target.send(
    {
      ...{ method: 'POST', url, body: new URLSearchParams(form).toString() },
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    },
    (answer) => refusedCredentials(answer, url),
  );
  const { access_token: token, expires_in: expiresIn } = objectOf(text);
  if (typeof token === 'string' && token !== '') {
    return { token, expiresInSeconds: Number.isFinite(Number(expiresIn)) ? Number(expiresIn) : 0 };
  }
  throw new DomainError('answer_unreadable', `${url.host} has given no access token.`);
}

/** What else stands in such an answer is nobody's business: of the error, only its code (RFC 6749, section 5.2). */
function refusedCredentials({ status, text }: PlainAnswer, url: URL): DomainError | undefined {
  if (status < 400 || status >= 500 || status === 429) return undefined;
  const code = /"error"\s*:\s*"(\w{1,60})"/.exec(text)?.[1];
  return new DomainError(
    'credentials_refused',
    `${url.host} gives no access token for these credentials (${status}${code === undefined ? '' : `, ${code}`}).`,
  );
}

/** The settings of an application that asks for tokens. */
export const CLIENT_SETTINGS = {
  clientId: Type.String({ minLength: 1 }),
  clientSecret: Type.String({ pattern: '^secret://' }),
};
