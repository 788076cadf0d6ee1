import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type { DeadLettersQuery, DeadLetterView } from '#contracts/http/ledger';
import type { Principal } from '#contracts/identity';
import { type DeadLetter, DeadLetters, type DeadLetterScope } from '#libs/bus';
import { CurrentPrincipal } from '#libs/service';
import { asNewReception } from './new-reception';

/** Messages that no handler could take, for an operator to put back or to drop (invariant 8). */
@Controller('/v1/dead-letters')
export class DeadLettersController {
  constructor(@Inject(DeadLetters) private readonly letters: DeadLetters) {}

  @Get()
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query() { limit = 50, ...filter }: DeadLettersQuery,
  ): Promise<{ items: DeadLetterView[]; next?: string }> {
    const { items, cursor: next } = await this.letters.list({ ...filter, ...scopeOf(principal), limit });
    return { items: items.map(viewOf), ...(next !== undefined && { next }) };
  }

  @Get('/:id')
  async show(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<DeadLetterView> {
    return viewOf(await this.letters.show(id, scopeOf(principal)));
  }

  @Post('/:id/retry')
  @HttpCode(200)
  async retry(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<DeadLetterView> {
    return viewOf(await this.letters.retry(id, scopeOf(principal), principal.subject, asNewReception));
  }

  @Post('/:id/drop')
  @HttpCode(200)
  async drop(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<DeadLetterView> {
    return viewOf(await this.letters.drop(id, scopeOf(principal), principal.subject));
  }
}

/** What names no tenant is the business of whoever runs the installation. */
function scopeOf({ tenant, roles }: Principal): DeadLetterScope {
  return { tenant, unattributed: roles.includes('admin') };
}

function viewOf({ diedAt, field, decidedAt, decidedBy, tenant: _, message, ...letter }: DeadLetter): DeadLetterView {
  return {
    ...letter,
    field: field ?? null,
    time: diedAt,
    decidedAt: decidedAt ?? null,
    decidedBy: decidedBy ?? null,
    message: { ...message },
  };
}
