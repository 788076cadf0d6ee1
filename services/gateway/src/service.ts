import { join } from 'node:path';
import { defineService, LocalIssuer, type ServiceContext } from '#libs/service';
import { DocumentationController } from './app/documentation.controller';
import { LiveController } from './app/live.controller';
import { LOCAL_ISSUER, LocalIssuerController } from './app/local-issuer.controller';
import { McpController } from './app/mcp.controller';
import { ReverseProxy } from './app/reverse-proxy';
import { ToolCaller } from './app/tool-caller';
import { GatewayConfig } from './config';
import { Upstreams } from './upstreams';

class GatewayModule {}

/** One origin for people and programs: the services' APIs, the local issuer, live events, MCP and the documentation. */
export const service = defineService({
  name: 'gateway',
  port: 8080,
  readsAsStored: true,
  config: GatewayConfig,
  entities: [],
  migrations: [],
  projections: () => [],
  refuseInProduction: ({ GATEWAY_PUBLIC_URL: publicUrl }) =>
    publicUrl === undefined ? ['GATEWAY_PUBLIC_URL: is required in the production profile'] : [],
  module: (context) => ({
    module: GatewayModule,
    controllers: [LocalIssuerController, DocumentationController, LiveController, McpController],
    providers: [
      { provide: Upstreams, useValue: new Upstreams(context.config) },
      { provide: LOCAL_ISSUER, useFactory: () => openLocalIssuer(context) },
      ReverseProxy,
      ToolCaller,
    ],
  }),
});

/** `null` in production, where OIDC_ISSUER names a real one. The key is kept, so that tokens outlive a restart. */
async function openLocalIssuer({
  profile,
  settings,
  clock,
}: ServiceContext<GatewayConfig>): Promise<LocalIssuer | null> {
  if (profile === 'production') return null;
  return LocalIssuer.open(
    profile,
    settings.issuer,
    join(settings.dataFolder, 'keys', 'local-issuer.private.pem'),
    clock,
  );
}
