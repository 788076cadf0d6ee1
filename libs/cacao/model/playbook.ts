import Type from 'typebox';
import { Literals } from '#contracts/schema';
import { Closed, ExternalReferences, Optional, SomeIdentifiers, SomeTexts, Texts } from './schema-parts';
import { CacaoTimestamp, Identifier, IdentifierOf } from './identifier';
import { STEP_TYPES, type Step } from './step';
import type { Variable, Variables } from './variable';

const Percentage = Type.Integer({ minimum: 0, maximum: 100 });
const Dictionary = Type.Record(Type.String(), Type.Unknown());
const AnyStep = IdentifierOf(...STEP_TYPES);

/** CACAO 2.0, section 10.13. */
const ProcessingSummary = Closed({
  manual_playbook: Optional(Type.Boolean()),
  external_playbooks: Optional(Type.Boolean()),
  parallel_processing: Optional(Type.Boolean()),
  if_logic: Optional(Type.Boolean()),
  while_logic: Optional(Type.Boolean()),
  switch_logic: Optional(Type.Boolean()),
  temporal_logic: Optional(Type.Boolean()),
  data_markings: Optional(Type.Boolean()),
  digital_signatures: Optional(Type.Boolean()),
  countersigned_signatures: Optional(Type.Boolean()),
  extensions: Optional(Type.Boolean()),
});

/** CACAO 2.0, section 3.1. The dictionaries' values are checked by their own schemas, by the type that each names. */
export const PlaybookSchema = Closed({
  type: Type.Literal('playbook'),
  spec_version: Type.Literal('cacao-2.0'),
  id: IdentifierOf('playbook'),
  name: Type.String({ minLength: 1, maxLength: 500 }),
  description: Optional(Type.String()),
  playbook_types: Optional(Texts),
  playbook_activities: Optional(SomeTexts),
  playbook_processing_summary: Optional(ProcessingSummary),
  created_by: Identifier,
  created: CacaoTimestamp,
  modified: CacaoTimestamp,
  revoked: Optional(Type.Boolean()),
  valid_from: Optional(CacaoTimestamp),
  valid_until: Optional(CacaoTimestamp),
  derived_from: Optional(SomeIdentifiers),
  related_to: Optional(SomeIdentifiers),
  priority: Optional(Percentage),
  severity: Optional(Percentage),
  impact: Optional(Percentage),
  industry_sectors: Optional(SomeTexts),
  labels: Optional(SomeTexts),
  external_references: Optional(ExternalReferences),
  markings: Optional(SomeIdentifiers),
  playbook_variables: Optional(Dictionary),
  workflow_start: AnyStep,
  workflow_exception: Optional(AnyStep),
  workflow: Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown()), {
    minProperties: 1,
    maxProperties: 1000,
  }),
  playbook_extensions: Optional(Dictionary),
  authentication_info_definitions: Optional(Dictionary),
  agent_definitions: Optional(Dictionary),
  target_definitions: Optional(Dictionary),
  extension_definitions: Optional(Dictionary),
  data_marking_definitions: Optional(Dictionary),
  signatures: Optional(Type.Array(Dictionary, { minItems: 1 })),
});

/** CACAO 2.0, section 9. */
export const ExtensionDefinition = Closed({
  type: Type.Literal('extension-definition'),
  name: Type.String({ minLength: 1 }),
  description: Optional(Type.String()),
  created_by: Identifier,
  schema: Type.String(),
  version: Type.String(),
  external_references: Optional(ExternalReferences),
});

const ofEveryMarking = {
  id: Identifier,
  name: Optional(Type.String()),
  description: Optional(Type.String()),
  created_by: Identifier,
  created: CacaoTimestamp,
  revoked: Optional(Type.Boolean()),
  valid_from: Optional(CacaoTimestamp),
  valid_until: Optional(CacaoTimestamp),
  labels: Optional(SomeTexts),
  external_references: Optional(ExternalReferences),
  marking_extensions: Optional(Dictionary),
};

/** CACAO 2.0, section 8. A marking changes nothing of how we execute; it is carried along. */
export const MARKING_SCHEMAS = {
  'marking-tlp': Closed({
    type: Type.Literal('marking-tlp'),
    ...ofEveryMarking,
    tlpv2_level: Literals('TLP:RED', 'TLP:AMBER', 'TLP:AMBER+STRICT', 'TLP:GREEN', 'TLP:CLEAR'),
  }),
  'marking-statement': Closed({ type: Type.Literal('marking-statement'), ...ofEveryMarking, statement: Type.String() }),
  'marking-iep': Closed({
    type: Type.Literal('marking-iep'),
    ...ofEveryMarking,
    name: Type.String(),
    description: Type.String(),
    tlp: Type.String(),
    iep_version: Type.Integer(),
    start_date: CacaoTimestamp,
    end_date: Type.Union([CacaoTimestamp, Type.Null()]),
    encrypt_in_transit: Type.String(),
    permitted_actions: Type.String(),
    affected_party_notifications: Type.String(),
    attribution: Type.String(),
    unmodified_resale: Type.String(),
    external_references: Type.Array(Type.String()),
  }),
} as const;

/** A playbook whose document has been validated (`validatePlaybook`): what the rest of the product reads. */
export interface Playbook {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly revoked?: boolean;
  readonly valid_from?: string;
  readonly valid_until?: string;
  readonly playbook_variables?: Variables;
  readonly playbook_extensions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly markings?: readonly string[];
  readonly data_marking_definitions?: Readonly<Record<string, unknown>>;
  readonly extension_definitions?: Readonly<Record<string, unknown>>;
  readonly agent_definitions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly target_definitions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly authentication_info_definitions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly workflow_start: string;
  readonly workflow_exception?: string;
  readonly workflow: Readonly<Record<string, Step>>;
}

/** A declared variable; names come from outside, so that what every object inherits is none. */
export function ownVariable(variables: Variables | undefined, name: string): Variable | undefined {
  return variables !== undefined && Object.hasOwn(variables, name) ? variables[name] : undefined;
}
