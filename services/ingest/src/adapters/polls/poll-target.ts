import { setTimeout as pause } from 'node:timers/promises';
import type { EgressClient, PlainAnswer } from '#libs/egress';
import { DomainError } from '#libs/kernel';

export interface TargetRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface TargetAnswer {
  readonly text: string;
  /**
   * A time by the target's clock at which the request had not been sent yet, milliseconds since the epoch; undefined where
   * it tells no time.
   */
  readonly askedAt: number | undefined;
}

/** A page of alerts is read whole. Bytes. */
const LARGEST_ANSWER = 32 * 1024 * 1024;
const MOST_TRIES = 4;
const FIRST_PAUSE_MS = 500;
/** Who is told to wait for longer ends the poll, and begins another after that. */
const LONGEST_PAUSE_MS = 30_000;

/** One poll's way to the API: tries again what may succeed, and tells a wrong credential from a busy or an absent target. */
export class PollTarget {
  constructor(
    private readonly client: Pick<EgressClient, 'exchange'>,
    private readonly options: {
      readonly timeoutMs: number;
      readonly signal: AbortSignal;
      /** The time, for signatures: the database's, whatever this machine's clock says. */
      readonly now: () => Date;
    },
  ) {}

  now(): Date {
    return this.options.now();
  }

  /**
   * @param refusal reads what a product says in its own way: what a failed answer is, or undefined for what its status says.
   * @throws DomainError `credentials_refused`, `throttled`, `target_unreachable`, `egress_refused` or `target_refused`.
   */
  async send(request: TargetRequest, refusal: Refusal = () => undefined): Promise<TargetAnswer> {
    const { signal } = this.options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once(request, refusal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof DomainError) || !error.retryable || attempt === MOST_TRIES) throw error;
        const pauseMs = (error.retryAfterSeconds ?? 0) * 1_000 || FIRST_PAUSE_MS * 2 ** (attempt - 1);
        if (pauseMs > LONGEST_PAUSE_MS) throw error;
        await pause(pauseMs, undefined, { signal });
      }
    }
  }

  private async once({ method, url, headers = {}, body }: TargetRequest, refusal: Refusal): Promise<TargetAnswer> {
    const { timeoutMs, signal } = this.options;
    const began = performance.now();
    const answer = await this.client
      .exchange({
        ...{ method, url, body, timeoutMs, maxAnswerBytes: LARGEST_ANSWER },
        headers: { accept: 'application/json', ...headers },
        // An answer that drips in is late, too.
        signal: AbortSignal.any([signal, AbortSignal.timeout(2 * timeoutMs)]),
      })
      .catch((error: unknown) => {
        throw asRead(error);
      });
    const { status, text } = answer;
    if (status < 200 || status >= 300) throw refusal(answer) ?? refused(answer, url);
    const date = Date.parse(headerOf(answer, 'date') ?? '');
    const askedAt = Number.isNaN(date) ? undefined : Math.floor(date - (performance.now() - began));
    return { text, askedAt };
  }
}

/** What a product's answer means where its status alone does not say it. */
export type Refusal = (answer: PlainAnswer) => DomainError | undefined;

export function headerOf({ headers }: PlainAnswer, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** A request that only reads has no outcome that could be unknown. */
function asRead(error: unknown): unknown {
  if (!(error instanceof DomainError) || error.code !== 'outcome_unknown') return error;
  return new DomainError('target_unreachable', { reason: error.reason, cause: error });
}

function refused(answer: PlainAnswer, url: URL): DomainError {
  const { status } = answer;
  const said = `${url.host} answered ${status}${beginningOf(answer.text)}`;
  if (status < 400) {
    return new DomainError('egress_refused', `${url.host} answered ${status}: redirects are not followed.`);
  }
  if (status === 401 || status === 403) return new DomainError('credentials_refused', said);
  const retryAfterSeconds = retryAfterOf(answer);
  if (status === 429) return new DomainError('throttled', { reason: said, retryAfterSeconds });
  if (status >= 500) return new DomainError('target_unreachable', { reason: said, retryAfterSeconds });
  return new DomainError('target_refused', said);
}

const beginningOf = (text: string): string => (text.trim() === '' ? '.' : `: ${text.trim().slice(0, 200)}`);

/** `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), or a product's own header with a time in seconds since the epoch. */
function retryAfterOf(answer: PlainAnswer): number | undefined {
  const text = headerOf(answer, 'retry-after') ?? '';
  if (/^\d+$/.test(text)) return Number(text);
  const now = Date.parse(headerOf(answer, 'date') ?? '');
  const until = text === '' ? Number(headerOf(answer, 'x-ratelimit-retryafter')) * 1_000 : Date.parse(text);
  const seconds = Math.ceil((until - now) / 1_000);
  return seconds > 0 ? seconds : undefined;
}
