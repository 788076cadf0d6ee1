import { setTimeout as pause } from 'node:timers/promises';
import type { AlertIntake } from '#contracts/http/ingest';
import { ApiClient, ApiProblem, ApiUnreachable } from '#libs/client';
import type { SourceTokens } from '../../services/demo/src/set-up';
import type { Site } from './site';
import type { Story } from './story';

/** A reception that the client has seen acknowledged: a promise that has to be kept. */
export interface Acknowledged {
  readonly story: string;
  readonly receiptId: string;
  /** Absent of what was rejected. */
  readonly alertId?: string;
}

const AGAIN_MS = 300;
const ANSWER_TIMEOUT_MS = 30_000;
/** What any client has to do about these is to come back. */
const NOT_NOW = new Set([401, 403, 408, 429]);

/** Sends as a SIEM does: what nobody has answered for is sent again, the whole body of it. */
export class Siem {
  readonly acknowledged: Acknowledged[] = [];
  /** Requests without an answer, or with one that promises nothing. */
  unanswered = 0;
  /** Status by how often it was answered. */
  readonly answers = new Map<number, number>();

  constructor(
    private readonly site: Site,
    private readonly tokens: SourceTokens,
  ) {}

  /**
   * Resolves when all of it is acknowledged.
   * @param by through the gateway, or to ingest itself; either through a proxy that may cut.
   * @throws Error when nobody has acknowledged it within `patienceMs`.
   */
  async tell(story: Story, by: 'gateway' | 'ingest', patienceMs = 240_000): Promise<void> {
    const deadline = performance.now() + patienceMs;
    const client = new ApiClient(this.site.urlThroughProxy(by), this.tokens.get(story.source));
    for (const body of story.bodies) {
      while (!(await this.send(client, story, body))) {
        if (performance.now() > deadline) throw new Error(`nobody acknowledges ${story.kind} ${story.id}`);
        await pause(AGAIN_MS);
      }
    }
  }

  private async send(client: ApiClient, story: Story, alerts: readonly object[]): Promise<boolean> {
    const lines = alerts.map((alert) => JSON.stringify(alert)).join('\n');
    const contentType = alerts.length > 1 ? 'application/x-ndjson' : 'application/json';
    const request = {
      query: { format: 'splunk-notable' },
      raw: { body: lines, contentType },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    };
    try {
      const { results } = await client.request<AlertIntake>('POST', '/v1/alerts', request);
      this.count(202);
      for (const { receiptId, alertId } of results) this.acknowledged.push({ story: story.id, receiptId, alertId });
      return true;
    } catch (error) {
      if (error instanceof ApiProblem && error.problem.status < 500 && !NOT_NOW.has(error.problem.status)) {
        throw new Error(`${story.kind} ${story.id} is refused: ${error.message}`, { cause: error });
      }
      if (error instanceof ApiProblem) this.count(error.problem.status);
      else if (!(error instanceof ApiUnreachable) && !isBroken(error)) throw error;
      this.unanswered += 1;
      return false;
    }
  }

  private count(status: number): void {
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1);
  }
}

/** The answer ended in the middle, or did not come in time. */
function isBroken(error: unknown): boolean {
  return error instanceof SyntaxError || error instanceof TypeError || error instanceof DOMException;
}
