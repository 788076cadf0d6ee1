import type { ServiceName } from '#contracts/envelope';
import type { GatewayConfig } from './config';

/** Where each service's own API is. */
export class Upstreams {
  private readonly urls: ReadonlyMap<ServiceName, string>;

  constructor(config: GatewayConfig) {
    const at = (url: string | undefined, port: number) => (url ?? `http://127.0.0.1:${port}`).replace(/\/$/, '');
    this.urls = new Map<ServiceName, string>([
      ['ingest', at(config.INGEST_URL, config.INGEST_PORT)],
      ['enrichment', at(config.ENRICHMENT_URL, config.ENRICHMENT_PORT)],
      ['case', at(config.CASE_URL, config.CASE_PORT)],
      ['playbook-orchestrator', at(config.PLAYBOOK_ORCHESTRATOR_URL, config.PLAYBOOK_ORCHESTRATOR_PORT)],
      ['approval', at(config.APPROVAL_URL, config.APPROVAL_PORT)],
      ['connector', at(config.CONNECTOR_URL, config.CONNECTOR_PORT)],
      // LEDGER_URL is the database's, by which all services reach the event store.
      ['ledger', at(config.LEDGER_SERVICE_URL, config.LEDGER_PORT)],
    ]);
  }

  urlOf(service: ServiceName): string {
    const url = this.urls.get(service);
    if (url === undefined) throw new RangeError(`${service} is not behind the gateway`);
    return url;
  }
}
