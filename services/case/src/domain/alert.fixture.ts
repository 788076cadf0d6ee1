import type { AlertEnriched, Observable } from '#contracts/alert';
import { deterministicId } from '#libs/kernel';

export interface AlertSketch {
  /** The source's own id: the same id is the same alert. */
  readonly uid?: string;
  /** One reception of it. */
  readonly receipt?: string;
  readonly title?: string;
  readonly severityId?: number;
  /** Stands for what the source sent: another text is another digest. */
  readonly content?: string;
  readonly receivedAt?: string;
  readonly observables?: readonly Observable[];
}

export const sourceId = deterministicId('test', 'source');
export const alertIdOf = (uid: string): string => deterministicId('test', 'alert', uid);
export const receiptIdOf = (receipt: string): string => deterministicId('test', 'receipt', receipt);

/** An enriched alert as a test needs it: what is not said is the same for all. */
export function alertOf(sketch: AlertSketch = {}): AlertEnriched {
  const { uid = 'a', receipt = uid, title = 'Brute force', severityId = 4, content = 'first' } = sketch;
  const { receivedAt = '2026-11-24T10:00:00.000Z', observables = [host('web1')] } = sketch;
  return {
    receiptId: receiptIdOf(receipt),
    sourceId,
    source: 'siem',
    receivedAt,
    original: { encoding: 'utf-8', body: JSON.stringify({ uid, content }), size: 10 },
    alertId: alertIdOf(uid),
    format: 'splunk',
    digest: Buffer.from(content.padEnd(32, '.').slice(0, 32)).toString('hex'),
    finding: {
      activity_id: 1,
      category_uid: 2,
      class_uid: 2004,
      type_uid: 200401,
      time: Date.parse('2026-11-24T09:59:00.000Z'),
      severity_id: severityId,
      metadata: { version: '1.8.0', product: { name: 'Test' } },
      finding_info: { uid, title },
    },
    attack: ['T1110'],
    observables: [...observables],
    verdict: 'unknown',
    score: 0,
  };
}

function observable(type: Observable['type'], type_id: number, value: string, name: string): Observable {
  return { type, type_id, value, name, verdict: 'unknown', score: 0, lists: [] };
}

export const host = (value: string): Observable => observable('hostname', 1, value, 'device.hostname');
export const user = (value: string): Observable => observable('username', 4, value, 'actor.user.name');
export const sourceAddress = (value: string): Observable => observable('ip', 2, value, 'evidences[0].src_endpoint.ip');
