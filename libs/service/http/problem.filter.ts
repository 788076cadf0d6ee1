import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { DomainError } from '#libs/kernel';
import type { ForeignProtocols } from './foreign-protocols';
import { sendForeign, sendProblem, STATUS_OF_KIND, toDomainError } from './problem';

/** Every error of every HTTP request becomes problem+json here. The bus has a filter of its own (libs/bus). */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly foreign: () => ForeignProtocols,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(toDomainError(error), http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  private answer(error: DomainError, request: FastifyRequest, reply: FastifyReply): void {
    const about = { method: request.method, url: pathOf(request.url), code: error.code };
    if (STATUS_OF_KIND[error.kind] >= 500)
      this.logger.error({ ...about, err: error.cause ?? error }, 'a request failed');
    else this.logger.info({ ...about, field: error.field }, 'a request was refused');
    if (reply.sent || reply.raw.headersSent) {
      // Half an answer is out: cutting the connection is the only way left to say that it is not whole.
      reply.raw.destroy();
      return;
    }
    const protocol = request.countersign?.endpoint?.protocol;
    if (protocol === undefined) void sendProblem(reply, error);
    else void sendForeign(reply, error, this.foreign().answer(protocol, error, request.headers));
  }
}

/** Without its query, which may hold what should not be in a log. */
const pathOf = (url: string): string => url.split('?')[0] ?? url;
