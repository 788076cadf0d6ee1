import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AlertIntake } from '#contracts/http/ingest';
import { ApiClient, ApiProblem, ApiUnreachable } from '#libs/client';
import { repositoryRoot } from '#libs/local';
import { type RunningDemo, sourceTokens } from './running-demo';

/** One of the demo's alerts, as services/demo/data/README.md describes them. */
export interface BundledAlert {
  readonly source: string;
  readonly format?: string;
  readonly body: unknown;
}

export function bundledAlerts(): BundledAlert[] {
  const file = join(repositoryRoot, 'services', 'demo', 'data', 'alerts.ndjson');
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line): BundledAlert => JSON.parse(line));
}

/** The alert with which the demo's brute-force case begins: alone it starts the playbook that contains. */
export function bruteForceAlert(): BundledAlert {
  const alert = bundledAlerts().find(({ body }) => JSON.stringify(body).includes('Brute force against the VPN'));
  if (!alert) throw new Error('the bundled alerts hold no brute force against the VPN');
  return alert;
}

/** `undelivered`: nobody answered, or not with a promise; a SIEM sends it again. */
export type Delivery =
  | { readonly outcome: 'accepted'; readonly alertId: string; readonly receiptId: string }
  | { readonly outcome: 'refused'; readonly code: string }
  | { readonly outcome: 'undelivered' };

/** Sends one alert as its source. */
export async function deliver(
  demo: RunningDemo,
  alert: BundledAlert,
  headers: Record<string, string> = {},
): Promise<Delivery> {
  const client = new ApiClient(demo.url, sourceTokens(demo.data)[alert.source]);
  const body = typeof alert.body === 'string' ? alert.body : JSON.stringify(alert.body);
  try {
    const request = { query: { format: alert.format }, raw: { body, contentType: 'application/json' }, headers };
    const { results } = await client.request<AlertIntake>('POST', '/v1/alerts', request);
    const [result] = results;
    if (result?.alertId === undefined) throw new Error(`202 without an alertId: ${JSON.stringify(results)}`);
    return { outcome: 'accepted', alertId: result.alertId, receiptId: result.receiptId };
  } catch (error) {
    if (error instanceof ApiUnreachable) return { outcome: 'undelivered' };
    if (!(error instanceof ApiProblem)) throw error;
    if (error.problem.status >= 500) return { outcome: 'undelivered' };
    return { outcome: 'refused', code: error.problem.code };
  }
}
