import { createHash } from 'node:crypto';
import { serviceActor } from '#contracts/envelope';
import type { PollConfiguration, SeenAlert } from '#contracts/source-poll';
import { EgressClient, type SecretFiles } from '#libs/egress';
import { execute, loadStates } from '#libs/event-store';
import { newId } from '#libs/kernel';
import { databaseNow } from '#libs/read-model';
import type { ServiceContext } from '#libs/service';
import { childTraceparent } from '#libs/telemetry';
import type { AccessTokens, ListedAlert, OpenSettings } from '../adapters/polls/poll-api';
import { PollTarget } from '../adapters/polls/poll-target';
import { POLLED_PRODUCTS } from '../adapters/polls/products';
import { windowStart } from '../domain/poll-cursor';
import { sourceDecider, type SourcePollState, type SourceState } from '../domain/source.decider';
import type { PollRun } from '../read/poll-runs';
import { BATCH_BYTES, BATCH_COUNT, type AlertIntakeDesk } from './alert-intake';
import { listing, type Listed } from './poll-listing';
import type { KnownSource } from './source-directory';

export interface PollParts {
  readonly context: Pick<ServiceContext, 'store' | 'snapshots' | 'database' | 'clock'>;
  readonly desk: AlertIntakeDesk;
  readonly secrets: SecretFiles;
}

type Configured = SourcePollState & { readonly configuration: PollConfiguration };

interface Polled {
  readonly source: KnownSource;
  readonly poll: Configured;
}

/** The latest time that an event can hold, milliseconds since the epoch. */
const LATEST = Date.parse('9999-12-31T23:59:59.999Z');

export interface PolledUntil {
  /** Everything that was changed before has been taken. Milliseconds since the epoch. */
  readonly completeUntil: number;
  readonly intervalSeconds: number;
}

/**
 * Takes everything from the API that was changed since the cursor, less the look-back: a part at a time goes to the bus, and
 * once it is durable there, the cursor moves. Killed in between, the next poll meets that part again: it counts as
 * duplicates, and nothing is missed.
 *
 * @returns undefined when the source is not polled by this revision any more.
 * @throws DomainError: why the API, the bus or the secrets are not to be had.
 */
export async function pollSource(
  run: PollRun,
  { context, desk, secrets }: PollParts,
  tokens: AccessTokens,
  signal: AbortSignal,
): Promise<PolledUntil | undefined> {
  const polled = polledBy(run, await stateOf(run, context));
  if (polled === undefined) return undefined;
  const { configuration, cursor } = polled.poll;
  const product = POLLED_PRODUCTS[configuration.kind];
  const settings = await openSettings(configuration, secrets);
  const now = await databaseNow(context.database);
  const client = new EgressClient({ allowedHosts: configuration.allowedHosts });
  try {
    const target = new PollTarget(client, { timeoutMs: configuration.timeoutSeconds * 1_000, signal, now: since(now) });
    const api = product.open(configuration, settings, target, tokens);
    // A watermark that lies ahead of the time is asked for from the time on.
    const from = Math.min(windowStart(cursor.watermark, configuration.lookBackSeconds), now.getTime());
    const taking = new Taking(run, polled, context, desk, product.format, signal);
    let completeUntil = from;
    for await (const listed of listing(api, product.isAscending, from, now.getTime())) {
      if (!(await taking.take(listed))) return undefined;
      completeUntil = listed.completeUntil ?? completeUntil;
    }
    return { completeUntil, intervalSeconds: configuration.intervalSeconds };
  } finally {
    await client.close();
  }
}

async function stateOf({ sourceId }: PollRun, { store, snapshots }: PollParts['context']): Promise<SourceState> {
  const stream = `source-${sourceId}`;
  const { states } = await loadStates(store, sourceDecider, { category: 'source', streams: [stream], snapshots });
  return states.get(stream)?.state ?? sourceDecider.initialState();
}

function polledBy({ tenant, revision }: PollRun, state: SourceState): Polled | undefined {
  if (state.status !== 'active' || state.poll?.revision !== revision) return undefined;
  const { configuration } = state.poll;
  if (configuration === null) return undefined;
  const { sourceId: id, name, format, settings } = state;
  return { source: { id, tenant, name, format, settings }, poll: { ...state.poll, configuration } };
}

async function openSettings({ settings }: PollConfiguration, secrets: SecretFiles): Promise<OpenSettings> {
  const resolved = await secrets.resolve(settings);
  return Object.fromEntries(Object.entries(resolved).map(([name, value]) => [name, String(value)]));
}

/** A clock that goes on from `now` by itself: nobody sets it meanwhile. */
function since(now: Date): () => Date {
  const began = performance.now();
  return () => new Date(now.getTime() + (performance.now() - began));
}

interface Found extends SeenAlert {
  readonly bytes: Buffer;
}

/** What one poll takes. */
class Taking {
  private readonly known: Set<string>;
  private readonly traceparent = childTraceparent(undefined);
  private readonly correlationId = newId();

  constructor(
    private readonly run: PollRun,
    private readonly polled: Polled,
    private readonly context: PollParts['context'],
    private readonly desk: AlertIntakeDesk,
    private readonly format: string,
    private readonly signal: AbortSignal,
  ) {
    this.known = new Set(polled.poll.cursor.seen.map(({ fingerprint }) => fingerprint));
  }

  /** False when the source is not polled by this revision any more. */
  async take({ alerts, completeUntil, askedAt }: Listed): Promise<boolean> {
    const parts = this.partsOf(alerts, askedAt);
    for (const [index, part] of parts.entries()) {
      this.signal.throwIfAborted();
      await this.deliver(part);
      const isLast = index === parts.length - 1;
      if (!(await this.advance(part, isLast ? completeUntil : null))) return false;
    }
    return parts.length > 0 || completeUntil === null || this.advance([], completeUntil);
  }

  /** What is new, in parts that become durable as a whole or not at all. */
  private partsOf(alerts: readonly ListedAlert[], askedAt: number): Found[][] {
    const parts: Found[][] = [];
    let room = 0;
    let bytesLeft = 0;
    for (const { text, modifiedAt = askedAt } of alerts) {
      const bytes = Buffer.from(text, 'utf8');
      const fingerprint = createHash('sha256').update(bytes).digest().subarray(0, 12).toString('base64url');
      if (this.known.has(fingerprint)) continue;
      this.known.add(fingerprint);
      if (room === 0 || bytesLeft <= 0) {
        parts.push([]);
        [room, bytesLeft] = [BATCH_COUNT, BATCH_BYTES];
      }
      const time = new Date(Math.max(0, Math.min(modifiedAt, LATEST)));
      parts.at(-1)?.push({ fingerprint, modifiedAt: time.toISOString(), bytes });
      room -= 1;
      bytesLeft -= bytes.length;
    }
    return parts;
  }

  private async deliver(part: readonly Found[]): Promise<void> {
    const { source } = this.polled;
    const request = { source, askedFormat: source.format ?? this.format, traceparent: this.traceparent };
    await this.desk.take(request, (share) => {
      share.add(part.reduce((sum, { bytes }) => sum + bytes.length, 0));
      return Promise.resolve({ kind: 'list', alerts: part.map(({ bytes }) => ({ bytes, size: bytes.length })) });
    });
  }

  private async advance(part: readonly Found[], completeUntil: number | null): Promise<boolean> {
    const { run, correlationId, traceparent } = this;
    const { store, snapshots, clock } = this.context;
    const { state } = await execute(
      store,
      sourceDecider,
      {
        ...{ category: 'source', stream: `source-${run.sourceId}`, tenant: run.tenant, actor: serviceActor('ingest') },
        ...{ meta: { correlationId, traceparent }, time: clock.now() },
      },
      {
        ...{ type: 'AdvancePoll', sourceId: run.sourceId, revision: run.revision },
        until: completeUntil === null ? null : new Date(completeUntil),
        seen: part.map(({ fingerprint, modifiedAt }) => ({ fingerprint, modifiedAt })),
      },
      snapshots,
    );
    return polledBy(run, state) !== undefined;
  }
}
