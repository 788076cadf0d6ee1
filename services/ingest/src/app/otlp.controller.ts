import { Controller, Headers, HttpCode, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { ExportLogsResponse } from '#contracts/http/otlp';
import { DomainError } from '#libs/kernel';
import { RawBody, Trace, type RequestTrace } from '#libs/service';
import { otlpEnvelope } from '../domain/formats/otlp-log';
import { AlertIntakeDesk } from './alert-intake';
import { bearerToken } from './bearer-token';
import { answering } from './let-go';
import { counted, type MemoryShare } from './memory-budget';
import { exportedLogs, otlpEncoding, protobufOf } from './otlp-answer';
import { otlpRecords, type OtlpEncoding } from './otlp-request';
import { decoded, wholeOf } from './raw-alerts';
import { SourceDirectory } from './source-directory';

/** OTLP over HTTP, so that collectors and SDKs of OpenTelemetry send their log records here. */
@Controller()
export class OtlpController {
  constructor(
    private readonly desk: AlertIntakeDesk,
    private readonly directory: SourceDirectory,
  ) {}

  @Post('/v1/logs')
  @HttpCode(200)
  async export(
    @RawBody() body: Readable,
    @Headers() headers: IncomingHttpHeaders,
    @Trace() trace: RequestTrace,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ExportLogsResponse | Buffer> {
    const encoding = otlpEncoding(headers);
    const response = await answering(body, () => this.take(body, headers, encoding, trace));
    if (encoding !== 'protobuf') return response;
    reply.header('content-type', 'application/x-protobuf');
    return protobufOf(response);
  }

  private async take(
    body: Readable,
    headers: IncomingHttpHeaders,
    encoding: OtlpEncoding | undefined,
    { traceparent }: RequestTrace,
  ): Promise<ExportLogsResponse> {
    if (encoding === undefined) {
      throw new DomainError('unsupported_media_type', {
        field: 'content-type',
        reason: 'Send application/x-protobuf or application/json.',
      });
    }
    // The guard has verified this very token; its answer is remembered.
    const source = await this.directory.sourceOf(bearerToken(headers.authorization));
    let first: string | undefined;
    const read = async (share: MemoryShare) => {
      const bytes = counted(decoded(body, headers['content-encoding']), share);
      const whole = await wholeOf(bytes, share, 'send fewer log records at once');
      return { kind: 'list' as const, alerts: otlpRecords(whole, encoding) };
    };
    const { rejected } = await this.desk.take(
      {
        source,
        envelope: otlpEnvelope,
        traceparent,
        onReceived: ({ kind, alert }, index) => {
          if (kind === 'refused') first ??= `Log record ${index}: ${alert.field ?? ''} ${alert.code}: ${alert.reason}`;
        },
      },
      read,
    );
    return exportedLogs(rejected, first);
  }
}
