import type { PlaybookEvent } from '#contracts/events/playbook';
import { type Decider, DomainError, type JsonObject } from '#libs/kernel';

export type PlaybookCommand =
  | {
      readonly type: 'DraftPlaybook';
      readonly playbookId: string;
      readonly digest: string;
      readonly name: string;
      readonly document: JsonObject;
      readonly origin: 'import' | 'agent';
      /** The actor, or the human behind it, is an author of this version already. */
      readonly isAuthor: boolean;
    }
  /** Another human granted the activation. `executable`: this release can run it. */
  | {
      readonly type: 'ActivatePlaybook';
      readonly digest: string;
      readonly approvalId: string;
      readonly executable: boolean;
    }
  | {
      readonly type: 'RefuseActivation';
      readonly digest: string;
      readonly approvalId: string;
      readonly outcome: 'denied' | 'expired';
    }
  | { readonly type: 'RetirePlaybook'; readonly digest?: string; readonly reason: string };

export type VersionState = 'draft' | 'active' | 'superseded' | 'refused' | 'retired';

export interface PlaybookState {
  readonly playbookId: string | undefined;
  /** By digest, in the order in which they came. */
  readonly versions: ReadonlyMap<string, VersionState>;
  readonly active: string | undefined;
}

/**
 * A playbook and its versions. A version becomes active by the event that answers its activation approval and by
 * nothing else (invariant 5); one version of a playbook is active at a time.
 */
export const playbookDecider: Decider<PlaybookState, PlaybookCommand, PlaybookEvent> = {
  decide,
  evolve,
  initialState: () => ({ playbookId: undefined, versions: new Map(), active: undefined }),
};

function decide(command: PlaybookCommand, state: PlaybookState): PlaybookEvent[] {
  switch (command.type) {
    case 'DraftPlaybook':
      return draft(command, state);
    case 'ActivatePlaybook':
      return activate(command, state);
    case 'RefuseActivation': {
      const { digest, approvalId, outcome } = command;
      const playbookId = demandPlaybookId(state);
      if (state.versions.get(digest) !== 'draft') return [];
      return [{ type: 'PlaybookActivationRefused', data: { playbookId, digest, approvalId, outcome } }];
    }
    case 'RetirePlaybook':
      return retire(command, state);
  }
}

/**
 * Importing a version again changes nothing, but whoever does it is an author from then on (invariant 5): recorded once.
 * What was retired or refused stays so.
 */
function draft(command: PlaybookCommand & { type: 'DraftPlaybook' }, state: PlaybookState): PlaybookEvent[] {
  const { playbookId, digest, name, document, origin, isAuthor } = command;
  const known = state.versions.get(digest);
  if (known === 'retired' || known === 'refused') {
    throw new DomainError('invalid_transition', {
      field: 'document',
      reason: `this version of ${playbookId} was ${known}: change the document (its "modified" time, say) to try again`,
    });
  }
  if (known !== undefined && isAuthor) return [];
  return [{ type: 'PlaybookDrafted', data: { playbookId, digest, name, document, origin } }];
}

function activate(command: PlaybookCommand & { type: 'ActivatePlaybook' }, state: PlaybookState): PlaybookEvent[] {
  const { digest, approvalId, executable } = command;
  const playbookId = demandPlaybookId(state);
  // Retired meanwhile, or answered before: a grant that comes late activates nothing.
  if (state.versions.get(digest) !== 'draft') return [];
  return executable
    ? [{ type: 'PlaybookActivated', data: { playbookId, digest, approvalId } }]
    : [{ type: 'PlaybookActivationRefused', data: { playbookId, digest, approvalId, outcome: 'not_executable' } }];
}

function retire(command: PlaybookCommand & { type: 'RetirePlaybook' }, state: PlaybookState): PlaybookEvent[] {
  const playbookId = demandPlaybookId(state);
  const digest = command.digest ?? state.active ?? [...state.versions.keys()].at(-1);
  const version = digest === undefined ? undefined : state.versions.get(digest);
  if (digest === undefined || version === undefined) {
    throw new DomainError('not_found', { field: 'digest', reason: `${playbookId} has no version ${digest ?? ''}` });
  }
  return version === 'retired'
    ? []
    : [{ type: 'PlaybookRetired', data: { playbookId, digest, reason: command.reason } }];
}

function demandPlaybookId({ playbookId }: PlaybookState): string {
  if (playbookId !== undefined) return playbookId;
  throw new DomainError('not_found', { field: 'playbookId', reason: 'there is no such playbook' });
}

function evolve(state: PlaybookState, event: PlaybookEvent): PlaybookState {
  const { digest, playbookId } = event.data;
  const versions = new Map(state.versions);
  switch (event.type) {
    case 'PlaybookDrafted':
      return { ...state, playbookId, versions: versions.set(digest, versions.get(digest) ?? 'draft') };
    case 'PlaybookActivated':
      if (state.active !== undefined) versions.set(state.active, 'superseded');
      return { ...state, versions: versions.set(digest, 'active'), active: digest };
    case 'PlaybookActivationRefused':
      return { ...state, versions: versions.set(digest, 'refused') };
    case 'PlaybookRetired':
      return {
        ...state,
        versions: versions.set(digest, 'retired'),
        active: state.active === digest ? undefined : state.active,
      };
  }
}
