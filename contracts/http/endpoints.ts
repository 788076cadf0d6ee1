import { SERVICES, type ServiceName } from '../envelope';
import { endpoints as approval } from './approval';
import { endpoints as cases } from './case';
import { endpoints as connector } from './connector';
import { endpoints as correlation } from './correlation';
import { endpoints as elasticBulk } from './elastic-bulk';
import type { Endpoint } from './endpoint';
import { endpoints as enrichment } from './enrichment';
import { endpoints as gateway } from './gateway';
import { endpoints as ingest } from './ingest';
import { endpoints as ledger } from './ledger';
import { operationEndpoints } from './operations';
import { endpoints as otlp } from './otlp';
import { endpoints as playbookOrchestrator } from './playbook-orchestrator';
import { endpoints as splunkHec } from './splunk-hec';

/** Every HTTP endpoint of Countersign. A route that is not here does not exist: its service refuses to start. */
export const ENDPOINTS: readonly Endpoint[] = [
  ...gateway,
  ...ingest,
  ...splunkHec,
  ...elasticBulk,
  ...otlp,
  ...enrichment,
  ...cases,
  ...correlation,
  ...playbookOrchestrator,
  ...approval,
  ...connector,
  ...ledger,
  ...SERVICES.flatMap(operationEndpoints),
];

export function endpointsOf(service: ServiceName): readonly Endpoint[] {
  return ENDPOINTS.filter((endpoint) => endpoint.service === service);
}
