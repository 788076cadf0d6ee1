import Type, { type Static } from 'typebox';

const Url = Type.Optional(Type.String({ pattern: '^https?://' }));
const port = (standard: number) => Type.Integer({ minimum: 0, maximum: 65535, default: standard });

/** Where the services are, and under which names people come here. */
export const GatewayConfig = Type.Object({
  INGEST_URL: Url,
  INGEST_PORT: port(8081),
  ENRICHMENT_URL: Url,
  ENRICHMENT_PORT: port(8082),
  CASE_URL: Url,
  CASE_PORT: port(8083),
  PLAYBOOK_ORCHESTRATOR_URL: Url,
  PLAYBOOK_ORCHESTRATOR_PORT: port(8084),
  APPROVAL_URL: Url,
  APPROVAL_PORT: port(8085),
  CONNECTOR_URL: Url,
  CONNECTOR_PORT: port(8086),
  LEDGER_SERVICE_URL: Url,
  LEDGER_PORT: port(8087),
  /** The origin that browsers and agents use, where it is not this service's own port on loopback. */
  GATEWAY_PUBLIC_URL: Url,
  /** Milliseconds until a service must have begun its answer. */
  GATEWAY_UPSTREAM_TIMEOUT_MS: Type.Integer({ minimum: 100, maximum: 600_000, default: 30_000 }),
});
export type GatewayConfig = Static<typeof GatewayConfig>;
