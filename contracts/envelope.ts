import Type, { type Static } from 'typebox';
import { Closed, Literals, PersonName, Text } from './schema';

/** The categories of the ledger, each owned by one service: its role alone may append to them. */
export const CATEGORIES = [
  'source',
  'dataset',
  'alert',
  'correlation',
  'case',
  'playbook',
  'run',
  'approval',
  'policy',
  'directory',
  'action',
  'connection',
  'audit',
  'checkpoint',
] as const;
export type Category = (typeof CATEGORIES)[number];

/**
 * Categories of which there is so much that old history is archived: their events lie on shelves, one for each month in
 * which streams were born. Of the others everything stays in the database.
 */
export const SHELVED_CATEGORIES = ['alert', 'run', 'action'] as const satisfies readonly Category[];
export type ShelvedCategory = (typeof SHELVED_CATEGORIES)[number];

export const SERVICES = [
  'gateway',
  'ingest',
  'enrichment',
  'case',
  'playbook-orchestrator',
  'approval',
  'connector',
  'ledger',
] as const;
export type ServiceName = (typeof SERVICES)[number];

export const CATEGORY_OWNERS: Record<Category, ServiceName> = {
  source: 'ingest',
  dataset: 'enrichment',
  alert: 'case',
  correlation: 'case',
  case: 'case',
  playbook: 'playbook-orchestrator',
  run: 'playbook-orchestrator',
  approval: 'approval',
  policy: 'approval',
  directory: 'approval',
  action: 'connector',
  connection: 'connector',
  audit: 'ledger',
  checkpoint: 'ledger',
};

export const PRINCIPAL_KINDS = ['human', 'agent', 'service', 'source'] as const;
export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number];

/**
 * Who did it. `id` is the token's subject, a service's name or a source's id; `behalfOf` is the human behind an agent,
 * who counts as requester too (invariant 5).
 */
export const Actor = Closed({
  kind: Literals(...PRINCIPAL_KINDS),
  id: PersonName(Text(200)),
  behalfOf: Type.Optional(PersonName(Text(200))),
});
export type Actor = Static<typeof Actor>;

export const EventMeta = Closed({
  /** The same for everything that one reception, request or schedule led to. */
  correlationId: Text(200),
  /** The id of the message or event that caused this one. */
  causationId: Type.Optional(Text(200)),
  /** W3C Trace Context. */
  traceparent: Type.Optional(Text(100)),
});
export type EventMeta = Static<typeof EventMeta>;

export const serviceActor = (service: ServiceName): Actor => ({ kind: 'service', id: service });
