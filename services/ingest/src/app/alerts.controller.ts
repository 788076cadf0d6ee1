import { Controller, Headers, HttpCode, Post, Query } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { AlertIntake } from '#contracts/http/ingest';
import { RawBody, Trace, type RequestTrace } from '#libs/service';
import { AlertIntakeDesk } from './alert-intake';
import { answering } from './let-go';
import type { MemoryShare } from './memory-budget';
import { readAlerts } from './raw-alerts';
import { SourceDirectory } from './source-directory';

@Controller()
export class AlertsController {
  constructor(
    private readonly desk: AlertIntakeDesk,
    private readonly directory: SourceDirectory,
  ) {}

  @Post('/v1/alerts')
  @HttpCode(202)
  async accept(
    @RawBody() stream: Readable,
    @Headers() headers: IncomingHttpHeaders,
    @Query('format') askedFormat: string | undefined,
    @Trace() trace: RequestTrace,
  ): Promise<AlertIntake> {
    // The guard has verified this very token; its answer is remembered.
    const token = headers.authorization?.trim().split(/\s+/)[1] ?? '';
    const source = await this.directory.sourceOf(token);
    const request = { source, askedFormat, traceparent: trace.traceparent };
    const read = (share: MemoryShare) =>
      readAlerts(
        stream,
        {
          contentType: headers['content-type'],
          contentEncoding: headers['content-encoding'],
          contentLength: headers['content-length'],
        },
        share,
      );
    return answering(stream, () => this.desk.take(request, read));
  }
}
