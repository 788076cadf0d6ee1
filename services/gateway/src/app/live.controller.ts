import { Controller, Get, Headers, Inject, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { LIVE_CATEGORIES, type LiveQuery } from '#contracts/http/gateway';
import type { Principal } from '#contracts/identity';
import { DomainError } from '#libs/kernel';
import { CurrentPrincipal, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { streamLive, type LiveCategory } from './live-stream';

/** Each open stream asks the ledger for itself: a bound on what that may cost. */
const MOST_STREAMS = 200;

@Controller()
export class LiveController {
  private open = 0;

  constructor(@Inject(SERVICE_CONTEXT) private readonly context: ServiceContext) {}

  @Get('/v1/live')
  async live(
    @Query() query: LiveQuery,
    @Headers('last-event-id') lastEventId: string | undefined,
    @CurrentPrincipal() { tenant }: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { store, stopping, logger } = this.context;
    if (this.open >= MOST_STREAMS) {
      throw new DomainError('throttled', `There are ${MOST_STREAMS} live streams open already. Try again later.`);
    }
    const categories = categoriesOf(query);
    const cursor = lastEventId ?? query.cursor ?? (await store.end());
    // A cursor that no ledger has made must still become a problem, so it is tried before the stream begins.
    await store.readAfter(cursor, { categories, tenant, limit: 1 });

    const response = reply.raw;
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    reply.hijack();
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      connection: 'close',
    });
    response.write(`retry: 2000\n${cursor === undefined ? '' : `id: ${cursor}\n`}: live\n\n`);
    this.open += 1;
    try {
      const signal = AbortSignal.any([gone.signal, stopping]);
      await streamLive(response, { store, tenant, categories, cursor, signal });
    } catch (error) {
      // The client comes back by itself, with the id of what it has seen.
      logger.warn({ err: error }, 'a live stream broke off');
    } finally {
      this.open -= 1;
      response.end();
    }
  }
}

function categoriesOf({ categories }: LiveQuery): LiveCategory[] {
  if (categories === undefined) return [...LIVE_CATEGORIES];
  const wanted = categories.split(',');
  const refused = wanted.find((name) => !LIVE_CATEGORIES.some((category) => category === name));
  if (refused !== undefined) {
    const reason = `${refused} is not carried here; there are ${LIVE_CATEGORIES.join(', ')}.`;
    throw new DomainError('invalid_field', { field: 'categories', reason });
  }
  return LIVE_CATEGORIES.filter((category) => wanted.includes(category));
}
