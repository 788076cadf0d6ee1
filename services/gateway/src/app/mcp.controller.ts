import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SERVICE_CONTEXT, type ServiceContext } from '#libs/service';
import type { GatewayConfig } from '../config';
import { createMcpServer } from './mcp-server';
import { demandOwnOrigin } from './request-origin';
import { ToolCaller } from './tool-caller';

/** JSON-RPC 2.0, section 5.1: a server error of the implementation. */
const NOT_ALLOWED = { jsonrpc: '2.0', error: { code: -32_000, message: 'Method not allowed: use POST.' }, id: null };

/** `/mcp` in stateless mode: each POST is a call of its own, answered in JSON. */
@Controller()
export class McpController {
  constructor(
    @Inject(SERVICE_CONTEXT) private readonly context: ServiceContext<GatewayConfig>,
    @Inject(ToolCaller) private readonly tools: ToolCaller,
  ) {}

  @Post('/mcp')
  async call(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    demandOwnOrigin(request.headers, this.context.config.GATEWAY_PUBLIC_URL);
    const server = createMcpServer(this.tools.as(request.headers.authorization ?? '', request.countersign.trace));
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    reply.raw.on('close', () => {
      Promise.all([transport.close(), server.close()]).catch((error: unknown) =>
        this.context.logger.warn({ err: error }, 'an MCP call could not be closed'),
      );
    });
    reply.hijack();
    await server.connect(transport);
    await transport.handleRequest(request.raw, reply.raw, request.body);
  }

  /** RFC 9728, section 2: what a client needs to know to get a token. */
  @Get(['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp'])
  resource(@Req() { headers }: FastifyRequest) {
    const { settings, config } = this.context;
    demandOwnOrigin(headers, config.GATEWAY_PUBLIC_URL);
    return {
      resource: `${config.GATEWAY_PUBLIC_URL ?? `http://${headers.host}`}/mcp`,
      authorization_servers: [settings.issuer],
      bearer_methods_supported: ['header'],
      resource_name: 'Countersign MCP',
    };
  }

  @Get('/mcp')
  noStream(@Res() reply: FastifyReply): void {
    void reply.code(405).header('allow', 'POST').send(NOT_ALLOWED);
  }

  @Delete('/mcp')
  noSession(@Res() reply: FastifyReply): void {
    void reply.code(405).header('allow', 'POST').send(NOT_ALLOWED);
  }
}
