import type { Problem } from '#contracts/http/endpoint';
import { isJsonObject } from '#libs/kernel';

export interface ApiRequest {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, with `content-type`. */
  readonly raw?: { readonly body: string | Uint8Array | ReadableStream<Uint8Array>; readonly contentType: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The answer was a problem (RFC 9457), or no answer of Countersign's at all. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  constructor(readonly problem: Problem) {
    super(problem.field ? `${problem.field}: ${problem.detail}` : problem.detail);
  }
}

/** Nobody answers at the URL. */
export class ApiUnreachable extends Error {
  override readonly name = 'ApiUnreachable';

  constructor(url: string, cause: unknown) {
    super(`Countersign does not answer at ${url}. Is it running (npm start)? Is --url right?`, { cause });
  }
}

const TIMEOUT_MS = 60_000;

/** Countersign's HTTP API for programs: the CLI, the demo and the end-to-end tests. */
export class ApiClient {
  constructor(
    /** The gateway's: `http://127.0.0.1:8080`. */
    readonly url: string,
    private readonly token?: string,
  ) {}

  get<T>(path: string, query?: ApiRequest['query']): Promise<T> {
    return this.request<T>('GET', path, { query });
  }

  post<T>(path: string, body: unknown = {}, headers?: ApiRequest['headers']): Promise<T> {
    return this.request<T>('POST', path, { body, headers });
  }

  /**
   * `T` is what the endpoint's contract says of its answer.
   * @throws ApiProblem, ApiUnreachable
   */
  async request<T>(method: string, path: string, request: ApiRequest = {}): Promise<T> {
    const response = await this.send(method, path, request);
    if (response.status === 204) return undefined as T;
    return (await response.json()) as T;
  }

  /** The answer with its body unread, for streams. Throws as `request` does. */
  async send(method: string, path: string, request: ApiRequest = {}): Promise<Response> {
    const url = new URL(path, this.url);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers = new Headers(request.headers);
    if (this.token !== undefined) headers.set('authorization', `Bearer ${this.token}`);
    if (request.raw) headers.set('content-type', request.raw.contentType);
    else if (request.body !== undefined) headers.set('content-type', 'application/json');
    const body = request.raw ? request.raw.body : request.body === undefined ? undefined : JSON.stringify(request.body);
    const signal = request.signal ?? AbortSignal.timeout(TIMEOUT_MS);
    const init: RequestInit = { method, headers, body, signal };
    if (body instanceof ReadableStream) init.duplex = 'half';
    let response: Response;
    try {
      response = await fetch(url, init);
    } catch (cause) {
      if (request.signal?.aborted) throw cause;
      throw new ApiUnreachable(this.url, cause);
    }
    if (!response.ok) throw new ApiProblem(await problemOf(response));
    return response;
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    const parsed: unknown = JSON.parse(text);
    if (isJsonObject(parsed) && typeof parsed['code'] === 'string' && typeof parsed['detail'] === 'string') {
      return parsed as unknown as Problem;
    }
  } catch {
    // Not JSON: something in between has answered.
  }
  const detail = text.slice(0, 500) || response.statusText || 'no reason given';
  return {
    type: 'about:blank',
    title: 'An unexpected answer',
    status: response.status,
    code: 'unexpected_answer',
    detail,
  };
}
