import { isJsonObject } from '#libs/kernel';
import type { RecordedCall } from './call-record';
import type { TargetDefinition } from './target-server';

/** What the threat-intelligence service knows, by indicator. */
export interface KnownIndicator {
  readonly verdict: string;
  readonly score: number;
  readonly comment: string;
}

const count = (calls: readonly RecordedCall[], method: string, path: RegExp): number =>
  calls.filter((call) => call.method === method && path.test(call.path) && call.status < 300).length;

const ticketing: TargetDefinition = {
  name: 'ticketing',
  honoursIdempotencyKeys: true,
  reply({ method, path, body }, earlier) {
    if (method !== 'POST' || !isJsonObject(body)) return undefined;
    if (path === '/tickets') {
      const id = `SOC-${1001 + count(earlier, 'POST', /^\/tickets$/)}`;
      return { status: 201, body: { ticket_id: id, url: `https://tickets.example.test/browse/${id}` } };
    }
    if (/^\/tickets\/[^/]+\/comments$/.test(path)) {
      return { status: 201, body: { comment_id: `c-${1 + count(earlier, 'POST', /\/comments$/)}` } };
    }
    return undefined;
  },
};

/** The one that ignores idempotency keys: asked twice, it posts twice. */
const chat: TargetDefinition = {
  name: 'chat',
  honoursIdempotencyKeys: false,
  reply({ method, path, body }, earlier) {
    if (method !== 'POST' || path !== '/messages' || !isJsonObject(body)) return undefined;
    return { status: 201, body: { message_id: `m-${1 + count(earlier, 'POST', /^\/messages$/)}` } };
  },
};

const firewall: TargetDefinition = {
  name: 'firewall',
  honoursIdempotencyKeys: true,
  reply({ method, path, body }, earlier) {
    if (method !== 'POST' || path !== '/rules' || !isJsonObject(body)) return undefined;
    return { status: 201, body: { rule_id: `rule-${1 + count(earlier, 'POST', /^\/rules$/)}` } };
  },
};

const identity: TargetDefinition = {
  name: 'identity',
  honoursIdempotencyKeys: true,
  reply({ method, path, body }) {
    if (method !== 'PUT' || !/^\/accounts\/[^/]+\/state$/.test(path) || !isJsonObject(body)) return undefined;
    return { status: 200, body: { state: body['state'] ?? null } };
  },
};

const intel = (known: ReadonlyMap<string, KnownIndicator>): TargetDefinition => ({
  name: 'intel',
  honoursIdempotencyKeys: true,
  reply({ method, path, query }) {
    if (method !== 'GET' || path !== '/indicators') return undefined;
    const found = known.get((query.get('value') ?? '').toLowerCase());
    return { status: 200, body: found ? { ...found, known: true } : { verdict: 'unknown', score: 0, known: false } };
  },
});

/** The outside systems of the demo. */
export function targetSystems(known: ReadonlyMap<string, KnownIndicator>): readonly TargetDefinition[] {
  return [firewall, identity, ticketing, chat, intel(known)];
}

export const TARGET_NAMES = ['firewall', 'identity', 'ticketing', 'chat', 'intel'] as const;
export type TargetName = (typeof TARGET_NAMES)[number];
