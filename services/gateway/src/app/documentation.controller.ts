import { Controller, Get, Header, Inject, Param } from '@nestjs/common';
import { asyncApiDocument } from '#contracts/asyncapi';
import { jsonSchemas } from '#contracts/json-schemas';
import { openApiDocument } from '#contracts/openapi';
import { DomainError } from '#libs/kernel';
import { SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import { documentationPage } from './documentation-page';
import { rootPage } from './root-page';

/** A page may load nothing, run nothing, and be framed by nobody: it is text with a style. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What the contracts say, for people and programs. Made once: it cannot change while the process runs. */
@Controller()
export class DocumentationController {
  private openApi: ReturnType<typeof openApiDocument> | undefined;
  private asyncApi: ReturnType<typeof asyncApiDocument> | undefined;
  private page: string | undefined;
  private schemaFiles: ReturnType<typeof jsonSchemas> | undefined;

  constructor(@Inject(SERVICE_CONTEXT) private readonly context: ServiceContext) {}

  @Get('/')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', PAGE_POLICY)
  root(): string {
    return rootPage(this.context.profile);
  }

  @Get('/docs')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', PAGE_POLICY)
  docs(): string {
    return (this.page ??= documentationPage());
  }

  @Get('/openapi.json')
  openapi() {
    return (this.openApi ??= openApiDocument());
  }

  @Get('/asyncapi.json')
  asyncapi() {
    return (this.asyncApi ??= asyncApiDocument());
  }

  @Get('/schemas')
  schemaNames() {
    return { items: [...this.schemas().keys()].map((name) => `/schemas/${name}`) };
  }

  @Get('/schemas/*')
  schema(@Param('*') name: string) {
    const schema = this.schemas().get(name);
    if (schema === undefined) {
      throw new DomainError('not_found', {
        field: 'path',
        reason: `There is no schema '${name}'; /schemas lists them.`,
      });
    }
    return schema;
  }

  private schemas() {
    return (this.schemaFiles ??= jsonSchemas());
  }
}
