import type { ActionManifest, ActionRequest, ConnectorManifest, Effect } from '#contracts/action';
import type { Actor } from '#contracts/envelope';
import { requirementFor, type HumanApproval, type Policy } from './policy';

/** What the approval service itself knows about a request, from its copies of other services' facts. */
export interface KnownFacts {
  readonly connection?: {
    readonly connector: string;
    readonly name: string;
    readonly version: number;
    readonly removed: boolean;
  };
  /** The manifest of exactly the requested version, and whether it is the connector's newest. */
  readonly manifest?: { readonly manifest: ConnectorManifest; readonly current: boolean };
  /** Who started the run, and whether it has ended. */
  readonly run?: { readonly starter: Actor; readonly ended: boolean };
  readonly playbook?: {
    readonly name: string;
    /** Everyone who drafted or imported any version of it, and the humans behind them. */
    readonly authors: readonly string[];
    /** Whether exactly the version that runs is known, and retired. */
    readonly version?: { readonly retired: boolean };
  };
  readonly caseClosed: boolean;
}

export type Ruling =
  /** A read needs no answer. */
  | { readonly kind: 'free' }
  | { readonly kind: 'allow'; readonly effect: Exclude<Effect, 'read'> }
  | {
      readonly kind: 'ask';
      readonly effect: Exclude<Effect, 'read'>;
      readonly approval: HumanApproval;
      readonly action: ActionManifest;
      readonly connectionName: string;
      readonly requester: Actor;
      readonly excluded: readonly string[];
    }
  /** A copy may be older than the request: ask again later; it is a rejection when that has gone on for too long. */
  | { readonly kind: 'wait'; readonly code: string; readonly reason: string }
  | { readonly kind: 'reject'; readonly code: string; readonly reason: string };

const reject = (code: string, reason: string): Ruling => ({ kind: 'reject', code, reason });
const wait = (code: string, reason: string): Ruling => ({ kind: 'wait', code, reason });

/** What is to become of a request: decided on our own facts alone, and closed where they are missing (invariant 4). */
export function ruleOn(request: ActionRequest, facts: KnownFacts, policy: Policy): Ruling {
  const { connection, manifest, playbook, run } = facts;
  const where = `Connection ${request.connectionId}`;
  if (connection === undefined) return wait('unknown_connection', `${where} is not known.`);
  if (connection.removed) return reject('unknown_connection', `${where} has been removed.`);
  if (connection.connector !== request.connector) {
    return reject('stale_request', `${where} belongs to connector ${connection.connector}, not ${request.connector}.`);
  }
  if (connection.version < request.connectionVersion) {
    return wait('stale_request', `${where} is known in version ${connection.version} only.`);
  }
  if (connection.version > request.connectionVersion) {
    return reject('stale_request', `${where} was changed: it has version ${connection.version} now.`);
  }
  if (manifest === undefined) {
    return wait('stale_request', `Manifest ${request.manifestVersion} of connector ${request.connector} is not known.`);
  }
  if (!manifest.current) return reject('stale_request', `Connector ${request.connector} has a newer manifest.`);
  const action = manifest.manifest.actions.find(({ name }) => name === request.action);
  if (action === undefined) {
    return reject('unknown_action', `Connector ${request.connector} has no action ${request.action}.`);
  }
  if (action.effect === 'read') return { kind: 'free' };
  if (run === undefined) return wait('unknown_run', `Run ${request.runId} is not known.`);
  if (run.ended) return reject('run_ended', `Run ${request.runId} has ended.`);
  if (playbook?.version === undefined) {
    return wait('unknown_playbook', `Who wrote playbook ${request.playbookId} in this version is not known.`);
  }
  if (playbook.version.retired) return reject('playbook_retired', `Playbook ${request.playbookId} has been retired.`);
  if (facts.caseClosed) return reject('case_closed', `Case ${request.caseId ?? ''} is closed.`);
  const approval = requirementFor(policy, { ...request, effect: action.effect });
  if (approval === 'automatic') return { kind: 'allow', effect: action.effect };
  return {
    kind: 'ask',
    effect: action.effect,
    approval,
    action,
    connectionName: connection.name,
    requester: run.starter,
    excluded: excludedSubjects([run.starter], playbook.authors),
  };
}

/** Invariant 5: who asked, the humans behind them, and the authors. Services are nobody who could approve. */
export function excludedSubjects(actors: readonly Actor[], authors: readonly string[]): string[] {
  const asking = actors
    .filter(({ kind }) => kind === 'human' || kind === 'agent')
    .flatMap(({ id, behalfOf }) => (behalfOf === undefined ? [id] : [id, behalfOf]));
  return [...new Set([...asking, ...authors])].sort();
}
