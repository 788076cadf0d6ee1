import type { Category } from '../envelope';
import { actionEvents } from './action';
import { alertEvents, correlationEvents } from './alert';
import { approvalEvents } from './approval';
import { auditEvents } from './audit';
import { caseEvents } from './case';
import { checkpointEvents } from './checkpoint';
import { connectionEvents } from './connection';
import { datasetEvents } from './dataset';
import type { EventContract } from './event';
import { playbookEvents } from './playbook';
import { policyEvents } from './policy';
import { runEvents } from './run';
import { sourceEvents } from './source';

/** Every event type that may stand in the ledger, by category. */
export const EVENT_CONTRACTS: Record<Category, Record<string, EventContract>> = {
  source: sourceEvents,
  dataset: datasetEvents,
  alert: alertEvents,
  correlation: correlationEvents,
  case: caseEvents,
  playbook: playbookEvents,
  run: runEvents,
  approval: approvalEvents,
  policy: policyEvents,
  directory: {},
  action: actionEvents,
  connection: connectionEvents,
  audit: auditEvents,
  checkpoint: checkpointEvents,
};

export function eventContract(category: Category, type: string): EventContract | undefined {
  const contracts = EVENT_CONTRACTS[category];
  // A type comes from outside: `constructor` is no event.
  return Object.hasOwn(contracts, type) ? contracts[type] : undefined;
}
