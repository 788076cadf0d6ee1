import Type, { type TObject } from 'typebox';
import { CaseListQuery } from './http/case';
import type { Method } from './http/endpoint';
import { PlaybookInput, RunStatus } from './http/playbook-orchestrator';
import type { ServiceName } from './envelope';
import { Closed, Digest, Text, Uuid } from './schema';

/** A tool for AI agents, and the endpoint that it calls as the user who asked. */
export interface ToolContract {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: TObject;
  /** Hints of the Model Context Protocol: for the agent's host, which may ask its human before a call. */
  readonly annotations: {
    readonly readOnlyHint: boolean;
    readonly destructiveHint: boolean;
    readonly idempotentHint: boolean;
    readonly openWorldHint: boolean;
  };
  /** Arguments named in the path go there; the others become the query of a GET, or the body of a POST. */
  readonly calls: { readonly service: ServiceName; readonly method: Method; readonly path: `/${string}` };
}

const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const Limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 100, description: 'How many at most; 50 by default.' }),
);
const CursorInput = Type.Optional(Type.String({ minLength: 1, description: 'The `next` of the page before.' }));

/**
 * All that an AI agent can do here. There is no tool that activates a playbook or that grants or denies an approval,
 * and the endpoints that do so refuse an agent's token besides (invariant 5).
 */
export const MCP_TOOLS: readonly ToolContract[] = [
  {
    name: 'list_cases',
    title: 'List cases',
    description: 'The cases, last updated first: status, severity, owner, verdict.',
    input: Closed({ ...CaseListQuery.properties, limit: Limit, cursor: CursorInput }),
    annotations: READS,
    calls: { service: 'case', method: 'GET', path: '/v1/cases' },
  },
  {
    name: 'get_case',
    title: 'Read a case',
    description:
      'One case with its alerts, observables, notes, evidence and escalations; also as it was at a past time.',
    input: Closed({
      id: Type.String({ format: 'uuid', description: 'caseId' }),
      at: Type.Optional(Type.String({ format: 'date-time', description: 'As it was at that time (RFC 3339).' })),
    }),
    annotations: READS,
    calls: { service: 'case', method: 'GET', path: '/v1/cases/:id' },
  },
  {
    name: 'list_runs',
    title: 'List runs',
    description: 'Runs of playbooks, the latest first. `waiting` ones wait for a human to decide an action.',
    input: Closed({
      case: Type.Optional(Uuid),
      status: Type.Optional(RunStatus),
      playbook: Type.Optional(Text(200)),
      limit: Limit,
      cursor: CursorInput,
    }),
    annotations: READS,
    calls: { service: 'playbook-orchestrator', method: 'GET', path: '/v1/runs' },
  },
  {
    name: 'get_run',
    title: 'Read a run',
    description: 'One run with its steps, their outcomes, and what it waits for.',
    input: Closed({ id: Type.String({ format: 'uuid', description: 'runId' }) }),
    annotations: READS,
    calls: { service: 'playbook-orchestrator', method: 'GET', path: '/v1/runs/:id' },
  },
  {
    name: 'list_playbooks',
    title: 'List playbooks',
    description: 'All playbooks, by name, with the state of their active or latest version.',
    input: Closed({}),
    annotations: READS,
    calls: { service: 'playbook-orchestrator', method: 'GET', path: '/v1/playbooks' },
  },
  {
    name: 'get_playbook',
    title: 'Read a playbook',
    description: 'One playbook: its versions and authors, and the CACAO 2.0 document of one version.',
    input: Closed({
      id: Type.String({ minLength: 1, maxLength: 200, description: 'playbookId: playbook--<uuid>' }),
      digest: Type.Optional(Digest),
    }),
    annotations: READS,
    calls: { service: 'playbook-orchestrator', method: 'GET', path: '/v1/playbooks/:id' },
  },
  {
    name: 'validate_playbook',
    title: 'Validate a playbook',
    description: 'Checks a CACAO 2.0 playbook and names every fault by field and reason. Keeps nothing of it.',
    input: PlaybookInput,
    annotations: READS,
    calls: { service: 'playbook-orchestrator', method: 'POST', path: '/v1/playbooks/validate' },
  },
  {
    name: 'draft_playbook',
    title: 'Draft a playbook',
    description:
      'Keeps a CACAO 2.0 playbook as an inactive draft. It runs only after a human other than its author activates it.',
    input: PlaybookInput,
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    calls: { service: 'playbook-orchestrator', method: 'POST', path: '/v1/playbooks/drafts' },
  },
];
