import { setTimeout as pause } from 'node:timers/promises';
import type { AlertIntake } from '#contracts/http/ingest';
import type { Acknowledged } from './siem';

/** A client with more requests open than that drops what it was to send: it must not be what runs out of memory. */
const MOST_OPEN = 32;
const TIMEOUT_MS = 60_000;
const DEFAULT_WAIT_SECONDS = 1;

/** Sends bodies of many alerts. One that behaves waits when it is told to; the other one goes on sending. */
export class OverloadClient {
  readonly acknowledged: Acknowledged[] = [];
  /** Status, or why there was none, by how often. */
  readonly answers = new Map<string, number>();
  sent = 0;
  private serial = 0;
  private silentUntil = 0;
  private readonly open = new Set<Promise<void>>();

  constructor(
    private readonly url: string,
    private readonly token: string | undefined,
    private readonly id: number,
    private readonly behaves: boolean,
  ) {}

  /** Begins to send, unless too much of it is under way or it was told to wait. */
  offer(alerts: number): void {
    if (this.open.size >= MOST_OPEN) return this.count('dropped by the client');
    if (this.behaves && performance.now() < this.silentUntil) return this.count('waited');
    const sending = this.send(alerts).finally(() => this.open.delete(sending));
    this.open.add(sending);
  }

  async end(): Promise<void> {
    await Promise.all(this.open);
  }

  async send(alerts: number): Promise<void> {
    this.sent += alerts;
    try {
      const response = await fetch(`${this.url}/v1/alerts?format=splunk-notable`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.token ?? ''}`, 'content-type': 'application/x-ndjson' },
        body: this.body(alerts),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      this.count(String(response.status));
      if (response.status === 202) this.take((await response.json()) as AlertIntake);
      else await this.beTold(response);
    } catch (error) {
      this.count(error instanceof Error ? error.name : 'no answer');
    }
  }

  private take({ results }: AlertIntake): void {
    for (const { receiptId, alertId } of results)
      this.acknowledged.push({ story: `overload-${this.id}`, receiptId, alertId });
  }

  private async beTold(response: Response): Promise<void> {
    await response.arrayBuffer();
    const seconds = Number(response.headers.get('retry-after') ?? DEFAULT_WAIT_SECONDS);
    this.silentUntil = performance.now() + seconds * 1_000;
    if (this.behaves && this.open.size === 0) await pause(seconds * 1_000);
  }

  /** Alerts of many users and hosts: cases of a few alerts each. */
  private body(alerts: number): string {
    const lines = Array.from({ length: alerts }, () => {
      const number = (this.serial += 1);
      const group = Math.floor(number / 50);
      return JSON.stringify({
        _time: '2026-11-24T13:06:10.000+00:00',
        event_id: `overload@@notable@@${this.id}-${number}`,
        search_name: 'Unusual log-on - Rule',
        rule_title: 'Unusual log-on',
        urgency: 'low',
        src: '192.0.2.77',
        dest: `host-${this.id}-${group}`,
        user: `u-${this.id}-${group}`,
      });
    });
    return lines.join('\n');
  }

  private count(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }
}
