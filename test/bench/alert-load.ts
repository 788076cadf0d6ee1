import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import type { AlertIntake } from '../../contracts/http/ingest';
import { type AlertMix, PRODUCTS } from './alert-mix';
import type { RunningSystem } from './running-system';

/** Lines of one body. */
const BODY_ALERTS = 1_000;

/** Bodies of NDJSON, made before anything is measured, and whose they are. */
export interface Body {
  readonly product: number;
  readonly alerts: number;
  readonly bytes: Buffer;
}

/** Alerts `first` to `first + count` of the mix, as bodies of one source each. */
export function bodiesOf(mix: AlertMix, first: number, count: number): Body[] {
  const bodies: Body[] = [];
  const stride = BODY_ALERTS * PRODUCTS.length;
  for (let start = first; start < first + count; start += stride) {
    const alerts = Math.min(stride, first + count - start);
    for (let product = 0; product < PRODUCTS.length; product += 1) {
      const bytes = mix.lines(product, start, alerts);
      bodies.push({ product, bytes, alerts: countOf(bytes) });
    }
  }
  return bodies;
}

function countOf(lines: Buffer): number {
  let count = 0;
  for (let end = lines.indexOf(10); end >= 0; end = lines.indexOf(10, end + 1)) count += 1;
  return count;
}

/** Connections to ingest that are kept, as a shipper's. */
export class Sender {
  private readonly pool: Pool;

  constructor(
    private readonly system: Pick<RunningSystem, 'urlOf' | 'tokens'>,
    private readonly connections: number,
  ) {
    this.pool = new Pool(system.urlOf('ingest'), { connections, pipelining: 1 });
  }

  /** Sends bodies, so many at once as there are connections; the number of alerts that are durable. */
  async sendAll(bodies: readonly Body[]): Promise<number> {
    const queue = [...bodies];
    let accepted = 0;
    const work = async (): Promise<void> => {
      for (let body = queue.shift(); body !== undefined; body = queue.shift()) accepted += await this.sendSurely(body);
    };
    await Promise.all(Array.from({ length: this.connections }, work));
    return accepted;
  }

  /** A body of NDJSON; when it is refused for now, it comes again as a shipper's does. */
  private async sendSurely(body: Body): Promise<number> {
    for (;;) {
      const { status, answer } = await this.post(body.product, 'application/x-ndjson', body.bytes);
      if (status === 202) return answer.accepted;
      if (status !== 429 && status !== 503) throw new Error(`a body was answered ${status}: ${JSON.stringify(answer)}`);
      await wait(200);
    }
  }

  /** One alert; its id, once it is durable. */
  async sendOne(product: number, alert: string | Buffer): Promise<string> {
    const { status, answer } = await this.post(product, 'application/json', alert);
    const alertId = answer.results[0]?.alertId;
    if (status !== 202 || alertId === undefined) throw new Error(`an alert was answered ${status}`);
    return alertId;
  }

  private async post(product: number, type: string, body: string | Buffer) {
    const { statusCode: status, body: stream } = await this.pool.request({
      method: 'POST',
      path: '/v1/alerts',
      headers: { authorization: `Bearer ${this.system.tokens[product] ?? ''}`, 'content-type': type },
      body,
    });
    const answer: AlertIntake = JSON.parse(await stream.text());
    return { status, answer };
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
