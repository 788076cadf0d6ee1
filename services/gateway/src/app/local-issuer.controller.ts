import { Body, Controller, Get, Header, HttpCode, Inject, Post } from '@nestjs/common';
import type { LocalTokenInput } from '#contracts/http/gateway';
import { DomainError } from '#libs/kernel';
import { LocalIssuer } from '#libs/service';

/** What the DI container holds where there is no local issuer: in production, or when OIDC_ISSUER is somebody else. */
export const LOCAL_ISSUER = Symbol('countersign.local-issuer');

/** The endpoints of the local issuer; where there is none they do not exist. */
@Controller()
export class LocalIssuerController {
  constructor(@Inject(LOCAL_ISSUER) private readonly issuer: LocalIssuer | null) {}

  @Get('/.well-known/openid-configuration')
  discovery() {
    return this.demandIssuer().discovery();
  }

  @Get('/.well-known/jwks.json')
  jwks() {
    return this.demandIssuer().jwks();
  }

  @Post('/oauth/token')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  token(@Body() { subject, client_id: clientId, audience }: LocalTokenInput) {
    return this.demandIssuer().issue({ subject, clientId, audience });
  }

  private demandIssuer(): LocalIssuer {
    if (this.issuer === null) {
      throw new DomainError('not_found', 'There is no local issuer here: tokens come from the issuer of OIDC_ISSUER.');
    }
    return this.issuer;
  }
}
