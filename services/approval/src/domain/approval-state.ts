import type { ActionRequest } from '#contracts/action';
import type { ApprovalEvent } from '#contracts/events/approval';

type DataOf<Type extends ApprovalEvent['type']> = Extract<ApprovalEvent, { type: Type }>['data'];
/** What was put to people, as ApprovalOpened says it. */
export type Opened = DataOf<'ApprovalOpened'>;

/** One approval, from its own events alone. */
export type Approval =
  | { readonly status: 'none' }
  /** Waiting for people. `grants` are those given so far, by different humans. */
  | { readonly status: 'pending'; readonly opened: Opened; readonly grants: readonly string[] }
  | {
      readonly status: 'granted';
      readonly opened: Opened;
      readonly approvers: readonly string[];
      readonly revoked: boolean;
    }
  | { readonly status: 'denied' | 'expired'; readonly opened: Opened }
  /** Policy let it run without people. */
  | {
      readonly status: 'allowed';
      readonly digest: string;
      readonly request: ActionRequest;
      readonly revoked: boolean;
    }
  | { readonly status: 'rejected'; readonly reason: string };

export const initialState = (): Approval => ({ status: 'none' });

export function evolve(state: Approval, event: ApprovalEvent): Approval {
  switch (event.type) {
    case 'ActionAllowed':
      return { status: 'allowed', digest: event.data.digest, request: event.data.request, revoked: false };
    case 'ActionRejected':
      return { status: 'rejected', reason: event.data.reason };
    case 'ApprovalOpened':
      return { status: 'pending', opened: event.data, grants: [] };
    case 'GrantRecorded':
      return state.status === 'pending' ? { ...state, grants: [...state.grants, event.data.approver] } : state;
    case 'ApprovalGranted':
      return state.status === 'pending'
        ? { status: 'granted', opened: state.opened, approvers: event.data.approvers, revoked: false }
        : state;
    case 'ApprovalDenied':
      return state.status === 'pending' ? { status: 'denied', opened: state.opened } : state;
    case 'ApprovalExpired':
      return state.status === 'pending' ? { status: 'expired', opened: state.opened } : state;
    case 'RevocationRequested':
      return state.status === 'granted' || state.status === 'allowed' ? { ...state, revoked: true } : state;
    default: {
      const _: never = event;
      return state;
    }
  }
}
