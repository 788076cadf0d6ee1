import { service as approval } from '#services/approval';
import { service as cases } from '#services/case';
import { service as connector } from '#services/connector';
import { service as enrichment } from '#services/enrichment';
import { service as gateway } from '#services/gateway';
import { service as ingest } from '#services/ingest';
import { service as ledger } from '#services/ledger';
import { service as playbookOrchestrator } from '#services/playbook-orchestrator';
import type { ServiceDefinition } from '#libs/service';

/** In the order in which they start: who reacts before who is reacted to, and the door to the outside last. */
export const definitions: readonly ServiceDefinition[] = [
  ledger,
  approval,
  connector,
  playbookOrchestrator,
  cases,
  enrichment,
  ingest,
  gateway,
];
