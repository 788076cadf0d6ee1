import { Controller, Get, HttpCode, Inject, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import type { AuditReport } from '#contracts/audit';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import type { SigningKey } from '#contracts/action';
import type { AuditKeys, ExportQuery, ReplayQuery, Story } from '#contracts/http/ledger';
import type { Principal } from '#contracts/identity';
import { CHECKPOINT_KEYS, CHECKPOINT_LOG, exportText } from '#libs/audit';
import { cursorBefore, listArchives } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { CurrentPrincipal, SERVICE_CONTEXT, Trace, type RequestTrace, type ServiceContext } from '#libs/service';
import { datedOf, tell } from '#libs/story';
import { keyIdOf, loadRootPublicKey, publicKeyText } from '#libs/warrant';
import { endOfLedger, untilVisible, walkLedger, walkStream } from '../adapters/ledger-walk';
import { CheckpointSigner } from './checkpoint-signer';
import { LedgerAudit } from './ledger-audit';
import { ReadLog } from './read-log';
import { demandStream, versionCursor } from './stream-access';

/** Proving what is recorded. */
@Controller('/v1/audit')
export class AuditController {
  constructor(
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
    @Inject(LedgerAudit) private readonly audit: LedgerAudit,
    @Inject(CheckpointSigner) private readonly signer: CheckpointSigner,
    @Inject(ReadLog) private readonly readings: ReadLog,
  ) {}

  @Get('/verify')
  verify(): Promise<AuditReport> {
    return this.audit.verify();
  }

  @Post('/checkpoints')
  @HttpCode(200)
  sign(): Promise<CheckpointSigned> {
    return this.signer.signNow();
  }

  @Get('/checkpoints')
  async checkpoints(
    @Query() { limit = 50, cursor }: { limit?: number; cursor?: string },
  ): Promise<{ items: CheckpointSigned[]; next?: string }> {
    const { store } = this.context;
    const head = (await store.heads('checkpoint', [CHECKPOINT_LOG])).get(CHECKPOINT_LOG);
    const to = cursor === undefined ? (head?.version ?? 0) : versionCursor(cursor) - 1;
    const from = Math.max(1, to - limit + 1);
    const events = to < 1 ? [] : await store.readStream('checkpoint', CHECKPOINT_LOG, { from, to });
    // What this service has written, by its contract.
    const items = events.reverse().map(({ data }) => data as unknown as CheckpointSigned);
    return { items, ...(from > 1 && items.length > 0 && { next: String(from) }) };
  }

  @Get('/keys')
  async keys(): Promise<AuditKeys> {
    const { store, settings } = this.context;
    const publicKey = publicKeyText(await loadRootPublicKey(settings));
    const published = await store.readStream('checkpoint', CHECKPOINT_KEYS);
    return {
      root: { keyId: keyIdOf(publicKey), publicKey },
      keys: published.map(({ data }) => data as unknown as SigningKey),
    };
  }

  @Get('/export')
  async export(
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Query() { stream }: ExportQuery,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { tenant } = principal;
    const { store, ledgerPool, stopping, clock } = this.context;
    const category = stream === undefined ? undefined : await demandStream(store, stream, tenant);
    if (stream === undefined) {
      // What is missing is told now: an answer that has begun can only break off.
      for (const archive of await listArchives(ledgerPool))
        await store.readAfter(cursorBefore(archive.first), { limit: 1 });
      await untilVisible(ledgerPool);
    }
    // The reading that is recorded comes after what is read: no checkpoint can cover it yet.
    const end = await endOfLedger(ledgerPool);
    await this.readings.record('export', { stream }, { principal, trace });
    const pages =
      stream !== undefined && category !== undefined
        ? walkStream(store, category, stream)
        : walkLedger(store, ledgerPool, { end, signal: stopping });
    const text = exportText(pages, { tenant, stream, exportedAt: clock.now() });
    await reply
      .headers({ 'content-type': 'application/x-ndjson; charset=utf-8', 'cache-control': 'no-store' })
      // Pages are read as fast as the client takes them: the stream asks for the next one when there is room.
      .send(Readable.from(text, { objectMode: false, highWaterMark: 1024 * 1024 }));
  }

  @Get('/replay')
  async replay(
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Query() { stream, limit = 50, cursor }: ReplayQuery,
  ): Promise<Story> {
    const { store, personal } = this.context;
    const category = await demandStream(store, stream, principal.tenant);
    await this.readings.record('replay', { stream, cursor }, { principal, trace });
    const from = cursor === undefined ? 1 : versionCursor(cursor) + 1;
    const events = await store.readStream(category, stream, { from, limit: limit + 1 });
    const items = events.slice(0, limit).map((stored) => {
      const event = personal.openEvent(stored);
      const { version, time, actor, type } = event;
      const dated = datedOf(event);
      return { version, time, ...(dated !== undefined && { dated }), actor, type, text: tell(event) };
    });
    const last = items.at(-1);
    if (!last && from === 1) throw new DomainError('not_found', { field: 'stream', reason: `There is no ${stream}.` });
    return { stream, items, ...(events.length > limit && last && { next: String(last.version) }) };
  }
}
