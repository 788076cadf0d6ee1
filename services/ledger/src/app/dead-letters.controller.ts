import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type { DeadLettersQuery, DeadLetterView } from '#contracts/http/ledger';
import type { Principal } from '#contracts/identity';
import { type DeadLetter, DeadLetters, type DeadLetterScope } from '#libs/bus';
import type { PersonalData } from '#libs/personal-data';
import { CurrentPrincipal, SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { asNewReception } from './new-reception';

/** Messages that no handler could take, for an operator to put back or to drop (invariant 8). */
@Controller('/v1/dead-letters')
export class DeadLettersController {
  private readonly personal: PersonalData;

  constructor(
    @Inject(DeadLetters) private readonly letters: DeadLetters,
    @Inject(SERVICE_CONTEXT) { personal }: ServiceContext,
  ) {
    this.personal = personal;
  }

  @Get()
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query() { limit = 50, ...filter }: DeadLettersQuery,
  ): Promise<{ items: DeadLetterView[]; next?: string }> {
    const { items, cursor: next } = await this.letters.list({ ...filter, ...scopeOf(principal), limit });
    return { items: items.map((letter) => this.viewOf(letter)), ...(next !== undefined && { next }) };
  }

  @Get('/:id')
  async show(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<DeadLetterView> {
    return this.viewOf(await this.letters.show(id, scopeOf(principal)));
  }

  @Post('/:id/retry')
  @HttpCode(200)
  async retry(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<DeadLetterView> {
    return this.viewOf(await this.letters.retry(id, scopeOf(principal), principal.subject, asNewReception));
  }

  @Post('/:id/drop')
  @HttpCode(200)
  async drop(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<DeadLetterView> {
    return this.viewOf(await this.letters.drop(id, scopeOf(principal), principal.subject));
  }

  /** A letter whose message cannot be opened is shown as it is: that may be why it died. */
  private opened(message: DeadLetter['message']): DeadLetter['message'] {
    if ('raw' in message) return message;
    try {
      return this.personal.openMessage(message);
    } catch {
      return message;
    }
  }

  /** With personal data open, for whoever has to find out what is wrong with it. */
  private viewOf({ diedAt, field, decidedAt, decidedBy, tenant: _, message, ...letter }: DeadLetter): DeadLetterView {
    return {
      ...letter,
      field: field ?? null,
      time: diedAt,
      decidedAt: decidedAt ?? null,
      decidedBy: decidedBy ?? null,
      message: { ...this.opened(message) },
    };
  }
}

/** What names no tenant is the business of whoever runs the installation. */
function scopeOf({ tenant, roles }: Principal): DeadLetterScope {
  return { tenant, unattributed: roles.includes('admin') };
}
