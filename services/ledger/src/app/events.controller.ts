import { Controller, Get, Headers, Inject, Param, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import type { EventView } from '#contracts/http/case';
import type { EventsQuery } from '#contracts/http/ledger';
import type { Principal } from '#contracts/identity';
import { cursorAt, type RecordedEvent } from '#libs/event-store';
import { CurrentPrincipal, SERVICE_CONTEXT, Trace, type RequestTrace, type ServiceContext } from '#libs/service';
import { walkLedger } from '../adapters/ledger-walk';
import { ReadLog } from './read-log';
import { demandStream, versionCursor } from './stream-access';

interface Page {
  readonly items: EventView[];
  readonly next?: string;
}

/** Events that one request looks at, at most: a rare type must not make it read the whole ledger. */
const MOST_READ = 20_000;
const READ_AT_ONCE = 1_000;

/** Looking at events. */
@Controller('/v1')
export class EventsController {
  constructor(
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
    @Inject(ReadLog) private readonly readings: ReadLog,
  ) {}

  @Get('/streams/:stream/events')
  async ofStream(
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Param('stream') stream: string,
    @Query() { limit = 50, cursor }: { limit?: number; cursor?: string },
  ): Promise<Page> {
    const { store } = this.context;
    const category = await demandStream(store, stream, principal.tenant);
    await this.readings.record('stream', { stream, cursor }, { principal, trace });
    const from = cursor === undefined ? 1 : versionCursor(cursor) + 1;
    const events = await store.readStream(category, stream, { from, limit: limit + 1 });
    const items = events.slice(0, limit).map((event) => ({ ...this.open(event) }));
    const last = items.at(-1);
    return { items, ...(events.length > limit && last && { next: String(last.version) }) };
  }

  @Get('/events')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Query() query: EventsQuery,
    @Headers('accept') accept: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { tenant } = principal;
    await this.readings.record('events', query, { principal, trace });
    if (accept?.includes('application/x-ndjson')) {
      await reply
        .headers({ 'content-type': 'application/x-ndjson; charset=utf-8', 'cache-control': 'no-store' })
        .send(Readable.from(this.lines(tenant, query), { objectMode: false, highWaterMark: 1024 * 1024 }));
    } else await reply.send(await this.page(tenant, query));
  }

  /** With personal data open: the hash is still that of the event as it is stored. */
  private open(event: RecordedEvent): RecordedEvent {
    return this.context.personal.openEvent(event);
  }

  private async page(tenant: string, query: EventsQuery): Promise<Page> {
    const { limit = 50, category: categories } = query;
    const items: EventView[] = [];
    let { cursor } = query;
    for (let read = 0; read < MOST_READ && items.length < limit;) {
      const wanted = isPlain(query) ? limit - items.length : READ_AT_ONCE;
      const page = await this.context.store.readAfter(cursor, { categories, tenant, limit: wanted });
      read += page.events.length;
      const fitting = page.events.map((event) => this.open(event)).filter((event) => fits(event, query));
      if (items.length + fitting.length > limit) {
        const held = fitting.slice(0, limit - items.length);
        const last = held.at(-1);
        items.push(...held.map((event) => ({ ...event })));
        return { items, next: last && cursorAt(last) };
      }
      items.push(...fitting.map((event) => ({ ...event })));
      cursor = page.cursor;
      if (page.events.length < wanted) return { items };
    }
    return { items, next: cursor };
  }

  private async *lines(tenant: string, query: EventsQuery): AsyncGenerator<string> {
    const { store, ledgerPool, stopping } = this.context;
    const { category: categories, cursor: after } = query;
    for await (const page of walkLedger(store, ledgerPool, { categories, after, signal: stopping })) {
      const own = page.filter((event) => event.tenant === tenant).map((event) => this.open(event));
      const shown = own.filter((event) => fits(event, query));
      yield shown.map((event) => `${JSON.stringify(event)}\n`).join('');
    }
  }
}

/** Without a condition that the ledger itself does not know. */
function isPlain({ type, actor, from, to }: EventsQuery): boolean {
  return type === undefined && actor === undefined && from === undefined && to === undefined;
}

function fits(event: RecordedEvent, { type, actor, from, to }: EventsQuery): boolean {
  if (type !== undefined && !type.includes(event.type)) return false;
  if (actor !== undefined && event.actor.id !== actor && event.actor.behalfOf !== actor) return false;
  const time = Date.parse(event.time);
  return (from === undefined || time >= Date.parse(from)) && (to === undefined || time < Date.parse(to));
}
