import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Body, Controller, Get, HttpCode, Module, Param, Post, Query } from '@nestjs/common';
import type { Readable } from 'node:stream';
import Type from 'typebox';
import type { Endpoint } from '#contracts/http/endpoint';
import { operationEndpoints } from '#contracts/http/operations';
import type { Principal } from '#contracts/identity';
import { Closed, Text } from '#contracts/schema';
import { DomainError } from '#libs/kernel';
import {
  createLogger,
  CurrentPrincipal,
  defineService,
  RawBody,
  SourceTokenVerifier,
  startService,
  startTestIssuer,
  Trace,
  type RequestTrace,
  type RunningService,
  type TestIssuer,
} from '.';

const Note = Closed({ text: Text(20), tags: Type.Optional(Type.Array(Text(5))) });
const Echo = Type.Object({}, { additionalProperties: true });
export const user = { service: 'case', auth: 'user', summary: 'A test', responses: { 200: Echo } } as const;
export const endpoints: Endpoint[] = [
  ...operationEndpoints('case'),
  {
    ...user,
    method: 'GET',
    path: '/v1/notes/:id',
    permission: 'cases:read',
    params: Closed({ id: Text(40) }),
    query: Closed({ limit: Type.Integer({ minimum: 1, default: 10 }) }),
  },
  { ...user, method: 'POST', path: '/v1/notes', permission: 'cases:write', body: Note },
  { ...user, method: 'POST', path: '/v1/decide', permission: 'approvals:decide', decision: true, body: Closed({}) },
  { ...user, method: 'POST', path: '/v1/fail', permission: 'cases:read', body: Closed({ code: Text(50) }) },
  {
    ...user,
    method: 'POST',
    path: '/v1/upload',
    auth: 'source',
    rawBody: true,
    body: Type.String(),
    consumes: ['application/x-ndjson'],
  },
];

/** `received` is called when a chunk of an upload has come in. */
export const upload = { received: (): void => undefined };

@Controller()
class NotesController {
  @Get('/v1/notes/:id')
  get(
    @Param('id') id: string,
    @Query() query: unknown,
    @CurrentPrincipal() principal: Principal,
    @Trace() trace: RequestTrace,
  ) {
    return { id, query, principal, trace };
  }

  @Post('/v1/notes')
  @HttpCode(200)
  add(@Body() body: unknown) {
    return { body };
  }

  @Post('/v1/decide')
  @HttpCode(200)
  decide(@CurrentPrincipal() principal: Principal) {
    return { by: principal.subject };
  }

  @Post('/v1/fail')
  fail(@Body() { code }: { code: string }) {
    if (code === 'crash') throw new TypeError('a secret detail');
    throw new DomainError('stream_conflict', { field: 'version', reason: 'Read it again.' });
  }

  @Post('/v1/upload')
  @HttpCode(200)
  async upload(@RawBody() body: Readable, @CurrentPrincipal() principal: Principal) {
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      upload.received();
    }
    return { bytes, source: principal.subject };
  }
}

class OneSource extends SourceTokenVerifier {
  async verify(token: string): Promise<Principal> {
    if (token !== 'cs_1') throw new DomainError('token_invalid', 'The source token is not known.');
    const source = { kind: 'source', roles: ['source'], audience: 'countersign', clientId: 'siem' } as const;
    return { subject: 'siem', tenant: 'default', ...source };
  }
}

@Module({ controllers: [NotesController], providers: [{ provide: SourceTokenVerifier, useClass: OneSource }] })
class NotesModule {}

/** A service with an endpoint of each kind. */
export const definition = defineService({
  name: 'case',
  port: 8083,
  config: Closed({ CASE_COLOUR: Type.String({ default: 'blue' }) }),
  entities: [],
  migrations: [],
  projections: () => [],
  module: () => ({ module: NotesModule }),
});

export const logger = createLogger('silent');

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown> & { readonly detail?: string };
}

export interface NotesHarness {
  readonly issuer: TestIssuer;
  readonly service: RunningService;
  readonly environment: Record<string, string>;
  /** The answer's body parsed; one that is no JSON object stands in `text`. */
  call(method: string, path: string, headers?: Record<string, string>, body?: string | Buffer): Promise<Answer>;
}

/** Starts the notes service and an issuer for the spec file. Its members can be read once `beforeAll` has run. */
export function useNotesService(postgres: { readonly appUrl: string }): NotesHarness {
  const running: { issuer?: TestIssuer; service?: RunningService; data?: string } = {};
  const harness: NotesHarness = {
    get issuer() {
      return started(running.issuer);
    },
    get service() {
      return started(running.service);
    },
    get environment() {
      return {
        COUNTERSIGN_PROFILE: 'development',
        COUNTERSIGN_DATA: started(running.data),
        LEDGER_URL: postgres.appUrl,
        CASE_PORT: '0',
        OIDC_ISSUER: started(running.issuer).url,
      };
    },
    async call(method, path, headers = {}, body) {
      const answer = await fetch(`${harness.service.url}${path}`, { method, headers, body });
      const content = await answer.text();
      const parsed = content.startsWith('{') ? JSON.parse(content) : { text: content };
      return { status: answer.status, headers: answer.headers, body: parsed };
    },
  };
  beforeAll(async () => {
    running.data = await mkdtemp(join(tmpdir(), 'countersign-notes-'));
    running.issuer = await startTestIssuer();
    running.service = await startService(definition, { env: harness.environment, endpoints, logger });
  });
  afterAll(async () => {
    await running.service?.stop();
    await running.issuer?.stop();
    if (running.data !== undefined) await rm(running.data, { recursive: true });
  });
  return harness;
}

function started<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error('This is started in beforeAll; use it inside of tests and hooks');
  return part;
}

export const json = { 'content-type': 'application/json' };

/** An answer as the part of its problem that a test compares with `like`. */
export const problem = ({ status, body: { code, field, detail } }: Answer) => ({ status, code, field, detail });

export const like = (status: number, code: string, field?: string, detail: unknown = expect.any(String)) => ({
  status,
  code,
  detail,
  ...(field !== undefined && { field }),
});
