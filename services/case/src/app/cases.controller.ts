import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { DataSource } from 'typeorm';
import type { CaseEvent } from '#contracts/events/case';
import type {
  AlertsOfCaseQuery,
  AlertView,
  AtQuery,
  CaseListQuery,
  CaseSummary,
  CaseView,
  EventView,
  SimilarCases,
  SimilarCasesQuery,
  TimelineEntry,
  TimelineQuery,
} from '#contracts/http/case';
import type { Principal } from '#contracts/identity';
import type { StateQuery, StreamState } from '#contracts/state';
import type { EventStore, RecordedEvent } from '#libs/event-store';
import { type Clock, DomainError } from '#libs/kernel';
import { CLOCK, CurrentPrincipal, EVENT_STORE, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { streamState } from '#libs/story';
import { EvidenceStore } from '../adapters/evidence-store';
import { alertView, asDuplicate, originalIn } from '../read/alert-view';
import type { AlertOfCase } from '../read/case-content';
import { listCases } from '../read/case-list';
import { caseView } from '../read/case-view';
import { alertsPage } from '../read/long-case';
import { demandVersion, fromCursor, toCursor } from '../read/page-cursor';
import { similarCases } from '../read/similar-cases';
import { timelinePage } from '../read/timeline';
import { CaseViews } from './case-views';

interface Page<Item> {
  readonly items: Item[];
  readonly next?: string;
}

/** Looking at cases and alerts. */
@Controller()
export class CasesController {
  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CaseViews) private readonly views: CaseViews,
    @Inject(EvidenceStore) private readonly evidence: EvidenceStore,
    @Inject(SERVICE_CONTEXT) private readonly context: Pick<ServiceContext, 'personal'>,
  ) {}

  @Get('/v1/cases')
  list(@CurrentPrincipal() principal: Principal, @Query() query: CaseListQuery): Promise<Page<CaseSummary>> {
    return listCases(this.database, principal.tenant, query);
  }

  @Get('/v1/cases/:id')
  async show(
    @CurrentPrincipal() { tenant }: Principal,
    @Param('id') caseId: string,
    @Query() { at }: AtQuery,
  ): Promise<CaseView> {
    return at === undefined ? this.views.current(tenant, caseId) : this.views.at(tenant, caseId, at);
  }

  @Get('/v1/cases/:id/alerts')
  async alerts(
    @CurrentPrincipal() { tenant }: Principal,
    @Param('id') caseId: string,
    @Query() page: AlertsOfCaseQuery,
  ): Promise<Page<AlertOfCase>> {
    await this.views.caughtUp(tenant, caseId);
    return alertsPage(this.database, tenant, caseId, page);
  }

  @Get('/v1/cases/:id/similar')
  async similar(
    @CurrentPrincipal() { tenant }: Principal,
    @Param('id') caseId: string,
    @Query() { limit = 20 }: SimilarCasesQuery,
  ): Promise<SimilarCases> {
    await this.views.caughtUp(tenant, caseId);
    return similarCases(this.database, tenant, caseId, limit);
  }

  @Get('/v1/cases/:id/state')
  state(
    @CurrentPrincipal() { tenant }: Principal,
    @Param('id') caseId: string,
    @Query() query: StateQuery,
  ): Promise<StreamState> {
    const missing = `There is no case ${caseId}.`;
    const stream = { category: 'case', stream: `case-${caseId}`, tenant, fold: caseView, missing } as const;
    return streamState(this.store, stream, query, this.clock.now());
  }

  @Get('/v1/cases/:id/events')
  async events(
    @CurrentPrincipal() { tenant }: Principal,
    @Param('id') caseId: string,
    @Query() { at, limit = 50, cursor }: TimelineQuery,
  ): Promise<Page<EventView>> {
    const [after] = fromCursor(cursor, ['number']) ?? [0];
    await this.views.demand(tenant, caseId);
    const rest = await this.views.events(caseId, { after: demandVersion(after), limit: limit + 1, at });
    const items = rest.slice(0, limit).map((event) => ({ ...event }));
    const last = items.at(-1);
    return { items, ...(rest.length > limit && last && { next: toCursor([last.version]) }) };
  }

  @Get('/v1/cases/:id/timeline')
  async timeline(
    @CurrentPrincipal() { tenant }: Principal,
    @Param('id') caseId: string,
    @Query() { at, ...page }: TimelineQuery,
  ): Promise<Page<TimelineEntry>> {
    await this.views.demand(tenant, caseId);
    const until = this.views.momentOf(at);
    const own = (after: number, limit: number) => this.views.events(caseId, { after, limit, at });
    return timelinePage(this.database, tenant, { caseId, own, until }, this.context.personal, page);
  }

  @Get('/v1/cases/:id/evidence/:evidenceId')
  async content(
    @CurrentPrincipal() principal: Principal,
    @Param('id') caseId: string,
    @Param('evidenceId') evidenceId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    const history = await this.views.history(principal.tenant, caseId);
    const added = history
      .map((event) => event as unknown as CaseEvent)
      .find((event) => event.type === 'CaseEvidenceAdded' && event.data.evidenceId === evidenceId);
    if (added?.type !== 'CaseEvidenceAdded') {
      throw new DomainError('not_found', {
        field: 'evidenceId',
        reason: `Case ${caseId} has no evidence ${evidenceId}.`,
      });
    }
    if (added.data.digest === null) {
      throw new DomainError('not_found', {
        field: 'evidenceId',
        reason: `${evidenceId} is a link, and has no content here.`,
      });
    }
    const content = await this.evidence.fetch(principal.tenant, added.data.digest);
    // Evidence is often malware or a phishing page: a browser must store it, and never show it as ours.
    reply.headers({
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="evidence"; filename*=UTF-8''${encodedName(added.data.name)}`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'no-store',
    });
    return content;
  }

  @Get('/v1/alerts/:id')
  async alert(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<AlertView> {
    const history = await this.store.readStream('alert', `alert-${id}`);
    const view = history[0]?.tenant === principal.tenant ? await this.viewOf(history) : undefined;
    if (!view) throw new DomainError('not_found', { field: 'id', reason: `There is no alert or receipt ${id}.` });
    return view;
  }

  private async viewOf(history: readonly RecordedEvent[]): Promise<AlertView | undefined> {
    const own = alertView(history);
    const originalId = own ? undefined : originalIn(history);
    if (originalId === undefined) return own;
    const original = alertView(await this.store.readStream('alert', `alert-${originalId}`));
    return original && asDuplicate(original, history);
  }
}

/** RFC 8187, section 3.2.1; encodeURIComponent leaves a few characters that it does not allow. */
function encodedName(name: string): string {
  return encodeURIComponent(name).replace(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
