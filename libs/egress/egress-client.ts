import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, errors, request as send } from 'undici';
import { DomainError, type JsonValue } from '#libs/kernel';
import { requireReachable } from './address-guard';
import { destinationOf, isListedHost, type EgressRules } from './egress-rules';

export interface PlainRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Milliseconds until the answer must have begun, and again for its end. */
  readonly timeoutMs: number;
  /** A larger answer is an error; 1 MiB by default. */
  readonly maxAnswerBytes?: number;
}

export interface PlainAnswer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface OutgoingRequest extends Omit<PlainRequest, 'body'> {
  readonly body?: JsonValue;
}

export interface Answer {
  readonly status: number;
  /** Parsed when it is JSON, else the text. */
  readonly body: JsonValue;
}

const MAX_ANSWER_BYTES = 1024 * 1024;
/** The request was never written, so that trying again cannot do anything twice. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * The only way out to a target: listed hosts only, names resolved once, checked and pinned for the connection, no
 * redirects, bounded in time and size.
 */
export class EgressClient {
  private readonly agent: Agent;

  constructor(private readonly rules: EgressRules) {
    this.agent = new Agent({ connect: { lookup: this.pinnedLookup(), timeout: 5_000 }, pipelining: 0 });
  }

  /**
   * JSON to and from a target.
   * @throws what `exchange` throws, and DomainError `target_unreachable` (429, 503), `target_refused` (all else that is not
   * 2xx) or `outcome_unknown` (5xx).
   */
  async call({ body, headers, ...request }: OutgoingRequest): Promise<Answer> {
    const { status, text } = await this.exchange({
      ...request,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return accepted({ status, body: jsonOrText(text) }, request.url);
  }

  /**
   * Sends a request as it is, and gives any answer as it comes.
   * @throws DomainError `egress_refused`, `target_unreachable` (nothing was sent), or `outcome_unknown` (it was sent, and no
   * answer tells what became of it).
   */
  async exchange(request: PlainRequest): Promise<PlainAnswer> {
    const { url } = request;
    const destination = destinationOf(url);
    if ((url.protocol !== 'http:' && url.protocol !== 'https:') || !isListedHost(this.rules, destination)) {
      throw new DomainError('egress_refused', {
        field: 'allowedHosts',
        reason: `The connection may not reach ${destination.host}:${destination.port}: it is not one of its hosts.`,
      });
    }
    if (isIP(destination.host)) requireReachable(destination.host, this.rules);
    return this.send(request);
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async send({ method, url, headers, body, signal, timeoutMs, ...rest }: PlainRequest): Promise<PlainAnswer> {
    try {
      const response = await send(url, {
        method,
        headers,
        body: body ?? null,
        dispatcher: this.agent,
        signal,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      const text = await readBounded(response.body, rest.maxAnswerBytes ?? MAX_ANSWER_BYTES, url);
      return { status: response.statusCode, headers: response.headers, text };
    } catch (cause) {
      throw classified(cause, url);
    }
  }

  private pinnedLookup(): LookupFunction {
    return (hostname, options, callback) => {
      lookup(hostname, {
        all: true,
        family: options.family === 'IPv4' ? 4 : options.family === 'IPv6' ? 6 : (options.family ?? 0),
      }).then(
        (addresses) => {
          try {
            for (const { address } of addresses) requireReachable(address, this.rules);
          } catch (refused) {
            callback(refused instanceof Error ? refused : new Error(String(refused)), '', 4);
            return;
          }
          const [first] = addresses;
          if (options.all) callback(null, addresses);
          else callback(null, first?.address ?? '', first?.family ?? 4);
        },
        (error: NodeJS.ErrnoException) => callback(error, '', 4),
      );
    };
  }
}

function accepted(answer: Answer, url: URL): Answer {
  const { status } = answer;
  if (status >= 200 && status < 300) return answer;
  const said = summary(answer.body);
  if (status === 429 || status === 503) {
    throw new DomainError('target_unreachable', `${url.host} is busy (${status}${said}).`);
  }
  if (status >= 500) {
    throw new DomainError('outcome_unknown', `${url.host} answered ${status}${said}: it may have begun.`);
  }
  throw new DomainError('target_refused', `${url.host} answered ${status}${said}.`);
}

function summary(body: JsonValue): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return text === '' ? '' : `: ${text.slice(0, 300)}`;
}

function classified(cause: unknown, url: URL): DomainError {
  for (let error = cause; error instanceof Error; error = error.cause) {
    if (error instanceof DomainError) return error;
    const code = 'code' in error ? String(error.code) : '';
    if (NOT_SENT.has(code)) {
      return new DomainError('target_unreachable', { reason: `${url.host} cannot be reached (${code}).`, cause });
    }
  }
  const what = cause instanceof errors.HeadersTimeoutError ? 'did not answer in time' : 'broke off';
  return new DomainError('outcome_unknown', { reason: `${url.host} ${what} after the request was sent.`, cause });
}

async function readBounded(body: AsyncIterable<Buffer>, most: number, url: URL): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) throw new DomainError('outcome_unknown', `${url.host} answered with more than ${most} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOrText(text: string): JsonValue {
  try {
    const parsed: JsonValue = JSON.parse(text);
    return parsed;
  } catch {
    return text;
  }
}
