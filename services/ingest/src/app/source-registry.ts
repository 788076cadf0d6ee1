import type { Source, SourcePoll, SourceWithToken } from '#contracts/http/ingest';
import type { PollConfiguration } from '#contracts/source-poll';
import type { SourceSettings } from '#contracts/source-settings';
import type { Actor, EventMeta } from '#contracts/envelope';
import { execute, type EventStore, type RecordedEvent, type Snapshots } from '#libs/event-store';
import { DomainError, isUuid, type Clock } from '#libs/kernel';
import { databaseNow, withTenant, type ProjectionRunner } from '#libs/read-model';
import type { DataSource } from 'typeorm';
import type { FormatRegistry } from '../domain/formats/format-registry';
import { sourceDecider, type SourceCommand } from '../domain/source.decider';
import type { PollRuns } from '../read/poll-runs';
import { registeredSource } from '../read/source.projection';
import { SourceRow } from '../read/source.entity';
import type { SourceDirectory } from './source-directory';
import { sourceIdOf } from './source-id';
import { newSourceToken, sourceTokenDigest } from './source-token';

/** Who asks for a change. */
export interface Asking {
  readonly tenant: string;
  readonly actor: Actor;
  readonly meta: EventMeta;
}

/** The sources of alerts: changes are events, and whoever made one reads it back. */
export class SourceRegistry {
  constructor(
    private readonly store: EventStore,
    private readonly snapshots: Snapshots,
    private readonly database: DataSource,
    private readonly readModels: Pick<ProjectionRunner, 'caughtUpWith'>,
    private readonly directory: SourceDirectory,
    private readonly formats: FormatRegistry,
    private readonly polls: Pick<PollRuns, 'read'>,
    private readonly clock: Clock,
  ) {}

  async list(tenant: string): Promise<Source[]> {
    const rows = await withTenant(this.database, tenant, (tx) => tx.find(SourceRow, { order: { name: 'asc' } }));
    const polls = await this.polls.read(tenant);
    return rows.map((row) => sourceOf(row, polls.get(row.id)));
  }

  /** Row security keeps the sources of other tenants out of sight: their ids are not found. @throws DomainError('not_found') */
  async read(idOrName: string, tenant: string): Promise<Source> {
    const id = isUuid(idOrName) ? idOrName.toLowerCase() : sourceIdOf(tenant, idOrName);
    const row = await withTenant(this.database, tenant, (tx) => tx.findOneBy(SourceRow, { id }));
    if (row !== null) return sourceOf(row, (await this.polls.read(tenant)).get(id));
    throw new DomainError('not_found', { field: 'id', reason: `There is no source '${idOrName}'.` });
  }

  /** @throws DomainError `unknown_format`, or `invalid_transition` for a name that is taken. */
  async register(name: string, format: string | null, asking: Asking): Promise<SourceWithToken> {
    if (format !== null) this.formats.named(format, 'format');
    const token = newSourceToken();
    const sourceId = sourceIdOf(asking.tenant, name);
    const tokenDigest = sourceTokenDigest(token);
    const events = await this.execute({ type: 'RegisterSource', sourceId, name, format, tokenDigest }, asking);
    // Told once and never again, the token is not lost to a read model that is late.
    const [source = await this.read(sourceId, asking.tenant)] = events.map((event) =>
      sourceOf(registeredSource(event), undefined),
    );
    return { source, token };
  }

  /** @throws DomainError `not_found`, or `invalid_transition` for a disabled source. */
  async rotate(idOrName: string, overlapSeconds: number, asking: Asking): Promise<SourceWithToken> {
    const { id: sourceId } = await this.read(idOrName, asking.tenant);
    const token = newSourceToken();
    const tokenDigest = sourceTokenDigest(token);
    const now = this.clock.now();
    await this.execute({ type: 'RotateSourceToken', sourceId, tokenDigest, now, overlapSeconds }, asking);
    return { source: await this.read(sourceId, asking.tenant), token };
  }

  /** @throws DomainError `not_found`, or `invalid_transition` for a disabled source. */
  async configure(idOrName: string, changes: Partial<SourceSettings>, asking: Asking): Promise<Source> {
    const { id: sourceId } = await this.read(idOrName, asking.tenant);
    await this.execute({ type: 'ConfigureSource', sourceId, changes }, asking);
    return this.read(sourceId, asking.tenant);
  }

  /**
   * @param from null goes on where the polling stopped, or begins now.
   * @throws DomainError `not_found`, or `invalid_transition` for a disabled source.
   */
  async poll(idOrName: string, poll: PollConfiguration, from: Date | null, asking: Asking): Promise<Source> {
    const { id: sourceId } = await this.read(idOrName, asking.tenant);
    // By the database's clock: one that runs ahead here would let alerts be missed.
    const now = await databaseNow(this.database);
    await this.execute({ type: 'ConfigurePoll', sourceId, poll, from, now }, asking);
    return this.read(sourceId, asking.tenant);
  }

  /** @throws DomainError `not_found`, or `invalid_transition` for a disabled source. */
  async stopPoll(idOrName: string, asking: Asking): Promise<Source> {
    const { id: sourceId } = await this.read(idOrName, asking.tenant);
    await this.execute({ type: 'StopPoll', sourceId }, asking);
    return this.read(sourceId, asking.tenant);
  }

  /** @throws DomainError('not_found') */
  async disable(idOrName: string, reason: string, asking: Asking): Promise<Source> {
    const { id: sourceId } = await this.read(idOrName, asking.tenant);
    await this.execute({ type: 'DisableSource', sourceId, reason }, asking);
    return this.read(sourceId, asking.tenant);
  }

  private async execute(command: SourceCommand, asking: Asking): Promise<readonly RecordedEvent[]> {
    const stream = `source-${command.sourceId}`;
    const context = { category: 'source', stream, time: this.clock.now(), ...asking } as const;
    const { events } = await execute(this.store, sourceDecider, context, command, this.snapshots);
    await this.readModels.caughtUpWith(events);
    this.directory.forget();
    return events;
  }
}

function sourceOf(row: SourceRow, poll: SourcePoll | undefined): Source {
  return {
    id: row.id,
    name: row.name,
    format: row.format,
    status: row.status,
    registeredAt: row.registeredAt.toISOString(),
    registeredBy: row.registeredBy,
    tokenIssuedAt: row.tokenIssuedAt.toISOString(),
    previousTokenValidUntil: row.previousTokenValidUntil?.toISOString() ?? null,
    disabledReason: row.disabledReason,
    settings: row.settings,
    poll: poll ?? null,
  };
}
