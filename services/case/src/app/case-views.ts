import type { DataSource } from 'typeorm';
import type { CaseView } from '#contracts/http/case';
import type { EventStore, RecordedEvent } from '#libs/event-store';
import { type Clock, DomainError } from '#libs/kernel';
import type { ProjectionRunner } from '#libs/read-model';
import { caseView } from '../read/case-view';
import { longCase } from '../read/long-case';

/** Up to so many events, folding them is as quick as anything, and shows what was appended a moment ago. */
const FOLDED_EVENTS = 500;
/** How long a read model is waited for, before all events are read instead. */
const PATIENCE_MS = 2_000;

export interface CaseViewsOptions {
  readonly store: EventStore;
  readonly database: DataSource;
  readonly readModels: Pick<ProjectionRunner, 'caughtUpWith'>;
  readonly clock: Clock;
  /** A case with more events comes from its read model. */
  readonly foldedEvents?: number;
}

/** Cases as people see them. Every method throws DomainError('not_found') when the tenant has no such case. */
export class CaseViews {
  constructor(private readonly options: CaseViewsOptions) {}

  /** As it is now: with everything that was appended before the call. */
  async current(tenant: string, caseId: string): Promise<CaseView> {
    const { database, foldedEvents = FOLDED_EVENTS } = this.options;
    const long = await this.isLong(caseId, foldedEvents);
    const view = long ? await longCase(database, tenant, caseId) : undefined;
    return view ?? this.viewOf(caseId, await this.history(tenant, caseId));
  }

  /** As it was then (RFC 3339). Throws DomainError('invalid_field') for the future. */
  async at(tenant: string, caseId: string, at: string): Promise<CaseView> {
    const until = this.momentOf(at) ?? at;
    const history = await this.history(tenant, caseId);
    const view = caseView(history.filter(({ time }) => time <= until));
    if (!view) throw new DomainError('not_found', { field: 'at', reason: `Case ${caseId} did not exist at ${at}.` });
    return { ...view, at };
  }

  viewOf(caseId: string, history: readonly RecordedEvent[]): CaseView {
    const view = caseView(history);
    if (!view) throw new DomainError('internal', `case ${caseId} has events, and no state`);
    return view;
  }

  async history(tenant: string, caseId: string): Promise<RecordedEvent[]> {
    const history = await this.options.store.readStream('case', `case-${caseId}`);
    demandOwn(history[0], tenant, caseId);
    return history;
  }

  /** Those after a version, and up to a time where one is given: a stream's times ascend with its versions. */
  async events(
    caseId: string,
    { after, limit, at }: { readonly after: number; readonly limit: number; readonly at?: string },
  ): Promise<RecordedEvent[]> {
    const until = this.momentOf(at);
    const events = await this.options.store.readStream('case', `case-${caseId}`, { from: after + 1, limit });
    return events.filter(({ time }) => until === undefined || time <= until);
  }

  /** As times of events are written. Throws DomainError('invalid_field') for the future. */
  momentOf(at: string | undefined): string | undefined {
    if (at === undefined) return undefined;
    const moment = new Date(at);
    if (moment <= this.options.clock.now()) return moment.toISOString();
    throw new DomainError('invalid_field', { field: 'at', reason: 'lies in the future' });
  }

  async demand(tenant: string, caseId: string): Promise<void> {
    const [first] = await this.options.store.readStream('case', `case-${caseId}`, { limit: 1 });
    demandOwn(first, tenant, caseId);
  }

  /** Waits, not for ever, until the read models have everything of the case that is there now. */
  async caughtUp(tenant: string, caseId: string): Promise<void> {
    await this.demand(tenant, caseId);
    await this.hasCaughtUp(caseId, await this.versionOf(caseId));
  }

  private async isLong(caseId: string, foldedEvents: number): Promise<boolean> {
    const version = await this.versionOf(caseId);
    return version > foldedEvents && this.hasCaughtUp(caseId, version);
  }

  private async versionOf(caseId: string): Promise<number> {
    const stream = `case-${caseId}`;
    return (await this.options.store.heads('case', [stream])).get(stream)?.version ?? 0;
  }

  private async hasCaughtUp(caseId: string, version: number): Promise<boolean> {
    const { store, readModels } = this.options;
    const last = await store.readStream('case', `case-${caseId}`, { from: version, limit: 1 });
    return readModels.caughtUpWith(last, PATIENCE_MS);
  }
}

function demandOwn(first: RecordedEvent | undefined, tenant: string, caseId: string): void {
  if (first?.tenant === tenant) return;
  throw new DomainError('not_found', { field: 'id', reason: `There is no case ${caseId}.` });
}
