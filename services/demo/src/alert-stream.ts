import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { ApiClient, ApiProblem } from '#libs/client';
import type { SourceTokens } from './set-up';

/** One line of data/alerts.ndjson. */
export interface BundledAlert {
  readonly source: string;
  readonly format?: string;
  /** A JSON value, or text that is sent as it stands (some of it is not JSON on purpose). */
  readonly body: unknown;
}

export function readBundledAlerts(file: string): BundledAlert[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): BundledAlert => JSON.parse(line));
}

export interface Sent {
  readonly accepted: number;
  readonly refused: number;
}

/** Sends the alerts one after another at a steady rate, as a SIEM would. A refusal is an answer, not a failure. */
export async function streamAlerts(
  url: string,
  alerts: readonly BundledAlert[],
  tokens: SourceTokens,
  {
    rate,
    signal,
    refused,
  }: { rate: number; signal: AbortSignal; refused: (alert: BundledAlert, problem: ApiProblem) => void },
): Promise<Sent> {
  const startedAt = Date.now();
  const counts = { accepted: 0, refused: 0 };
  for (const [index, alert] of alerts.entries()) {
    await pause(Math.max(0, startedAt + (index * 1000) / rate - Date.now()), undefined, { signal });
    const body = typeof alert.body === 'string' ? alert.body : JSON.stringify(alert.body);
    const client = new ApiClient(url, tokens.get(alert.source));
    try {
      const request = { query: { format: alert.format }, raw: { body, contentType: 'application/json' } };
      await client.request('POST', '/v1/alerts', request);
      counts.accepted += 1;
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.problem.status >= 500) throw error;
      counts.refused += 1;
      refused(alert, error);
    }
  }
  return counts;
}
