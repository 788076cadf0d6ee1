import type { TSchema } from 'typebox';
import * as approval from './approval';
import * as cases from './case';
import * as connector from './connector';
import * as correlation from './correlation';
import * as elasticBulk from './elastic-bulk';
import * as enrichment from './enrichment';
import * as gateway from './gateway';
import * as ingest from './ingest';
import * as ledger from './ledger';
import * as operations from './operations';
import * as otlp from './otlp';
import * as playbookOrchestrator from './playbook-orchestrator';
import * as splunkHec from './splunk-hec';

/** In the order in which a name is given: a second schema of the same name carries its module's before it. */
const MODULES: readonly [string, object][] = [
  ['Gateway', gateway],
  ['Ingest', ingest],
  ['Splunk', splunkHec],
  ['Elastic', elasticBulk],
  ['Otlp', otlp],
  ['Enrichment', enrichment],
  ['Case', cases],
  ['Correlation', correlation],
  ['Playbook', playbookOrchestrator],
  ['Approval', approval],
  ['Connector', connector],
  ['Ledger', ledger],
  ['Operations', operations],
];

/** Every schema that a file of contracts/http exports, and the name it has there. */
export const HTTP_SCHEMAS: ReadonlyMap<TSchema, string> = namedSchemas();

function namedSchemas(): Map<TSchema, string> {
  const named = new Map<TSchema, string>();
  const names = new Set<string>();
  for (const [module, exported] of MODULES) {
    for (const [name, value] of Object.entries(exported)) {
      if (!isSchema(value) || named.has(value)) continue;
      const unique = names.has(name) ? `${module}${name}` : name;
      names.add(unique);
      named.set(value, unique);
    }
  }
  return named;
}

function isSchema(value: unknown): value is TSchema {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return 'type' in value || 'anyOf' in value || 'allOf' in value;
}
