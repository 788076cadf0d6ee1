import { Controller, Get, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Principal } from '#contracts/identity';
import { CurrentPrincipal } from '#libs/service';
import { Originals } from '../read/originals';

@Controller()
export class OriginalsController {
  constructor(private readonly originals: Originals) {}

  @Get('/v1/alerts/:id/originals/:digest')
  async read(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Param('digest') digest: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    const body = await this.originals.read(principal.tenant, `alert-${id.toLowerCase()}`, digest);
    // It is whatever somebody has sent: a browser must store it, and never show it as ours.
    reply.headers({
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${digest.slice(0, 12)}.json"`,
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'no-store',
    });
    return body;
  }
}
