import { Controller, Get, Header, Headers, HttpCode, Param, Post, Put } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { ElasticBulkAnswer } from '#contracts/http/elastic-bulk';
import { RawBody, Trace, type RequestTrace } from '#libs/service';
import { ELASTIC_PRODUCT } from '../domain/elastic-error';
import { elasticEnvelope } from '../domain/formats/elastic-document';
import { AlertIntakeDesk } from './alert-intake';
import { ElasticBulk } from './elastic-bulk';
import { elasticCredentials } from './elastic-credentials';
import { answering } from './let-go';
import { counted } from './memory-budget';
import { decoded, linesOf } from './raw-alerts';
import { SourceDirectory } from './source-directory';

/** Whose behaviour clients are to expect. */
const VERSION = '8.17.0';
const [[PRODUCT_HEADER, PRODUCT] = ['', '']] = Object.entries(ELASTIC_PRODUCT);

/** The bulk API of Elasticsearch, so that shippers which write there write here. */
@Controller('/elastic')
export class ElasticBulkController {
  constructor(
    private readonly desk: AlertIntakeDesk,
    private readonly directory: SourceDirectory,
  ) {}

  @Post(['_bulk', ':index/_bulk'])
  @HttpCode(200)
  @Header(PRODUCT_HEADER, PRODUCT)
  bulk(
    @RawBody() body: Readable,
    @Headers() headers: IncomingHttpHeaders,
    @Param('index') index: string | undefined,
    @Trace() trace: RequestTrace,
  ): Promise<ElasticBulkAnswer> {
    return answering(body, () => this.take(body, headers, index, trace));
  }

  @Put(['_bulk', ':index/_bulk'])
  @Header(PRODUCT_HEADER, PRODUCT)
  put(
    @RawBody() body: Readable,
    @Headers() headers: IncomingHttpHeaders,
    @Param('index') index: string | undefined,
    @Trace() trace: RequestTrace,
  ): Promise<ElasticBulkAnswer> {
    return answering(body, () => this.take(body, headers, index, trace));
  }

  @Get('')
  @Header(PRODUCT_HEADER, PRODUCT)
  about() {
    return {
      name: 'countersign',
      cluster_name: 'countersign',
      cluster_uuid: 'countersign',
      version: {
        number: VERSION,
        build_flavor: 'default',
        build_type: 'docker',
        build_snapshot: false,
        lucene_version: '9.12.0',
        minimum_wire_compatibility_version: '7.17.0',
        minimum_index_compatibility_version: '7.0.0',
      },
      tagline: 'You Know, for Search',
    };
  }

  @Get('_cat/health')
  @Header(PRODUCT_HEADER, PRODUCT)
  @Header('content-type', 'text/plain; charset=UTF-8')
  health(): string {
    return 'countersign green 1 1 0 0 0 0 0 0 - 100.0%\n';
  }

  @Get('_license')
  @Header(PRODUCT_HEADER, PRODUCT)
  license() {
    return { license: { status: 'active', uid: 'countersign', type: 'basic' } };
  }

  private async take(
    body: Readable,
    headers: IncomingHttpHeaders,
    index: string | undefined,
    trace: RequestTrace,
  ): Promise<ElasticBulkAnswer> {
    const started = performance.now();
    // The guard has verified this very token; its answer is remembered.
    const source = await this.directory.sourceOf(elasticCredentials(headers.authorization));
    const request = new ElasticBulk(index);
    await this.desk.take(
      {
        source,
        envelope: elasticEnvelope,
        traceparent: trace.traceparent,
        onReceived: (received, place) => request.add(received, place),
      },
      async (share) => ({
        kind: 'lines',
        alerts: request.documents(linesOf(counted(decoded(body, headers['content-encoding']), share))),
      }),
    );
    return request.answer(performance.now() - started);
  }
}
