import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import type { EraseBody, Erasure, Mentions, MentionsBody } from '#contracts/http/ledger';
import type { Principal } from '#contracts/identity';
import { person } from '#libs/personal-data';
import { CurrentPrincipal, SERVICE_CONTEXT, Trace, type RequestTrace, type ServiceContext } from '#libs/service';
import { Erasures } from './erasures';
import { mentionsOf } from './mentions';
import { ReadLog } from './read-log';

/** Finding personal data, and erasing it. */
@Controller('/v1/personal-data')
export class PersonalDataController {
  constructor(
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext,
    @Inject(Erasures) private readonly erasures: Erasures,
    @Inject(ReadLog) private readonly readings: ReadLog,
  ) {}

  @Post('/mentions')
  @HttpCode(200)
  async mentions(
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Body() { text }: MentionsBody,
  ): Promise<Mentions> {
    const { store, ledgerPool: pool, personal, stopping: signal } = this.context;
    const mentions = await mentionsOf({ store, pool, personal }, { tenant: principal.tenant, text, signal });
    // Not what was asked for, which would then be found by the next one: the name of the key that it has as a person.
    const key = personal.keyNameOf(person(principal.tenant, text));
    await this.readings.record('search', { key }, { principal, trace });
    return mentions;
  }

  @Post('/erasures')
  @HttpCode(201)
  erase(
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
    @Body() body: EraseBody,
  ): Promise<Erasure> {
    return this.erasures.erase(body, { principal, trace });
  }
}
