import { ERASED } from '#libs/personal-data';
import type { ApprovalEvent } from '#contracts/events/approval';
import type { ApprovalDetail } from '#contracts/http/approval';
import type { RecordedEvent } from '#libs/event-store';

/** What the ledger alone knows of an approval; a case's title and what the caller may do are added where it is shown. */
export type ApprovalRecord = Omit<ApprovalDetail, 'case' | 'you'>;

/** The record after one more event of its stream; undefined stays undefined for what does not begin an approval. */
export function recordAfter(before: ApprovalRecord | undefined, recorded: RecordedEvent): ApprovalRecord | undefined {
  const { time, actor } = recorded;
  // The ledger holds only what the contract of the category allows.
  const event = { type: recorded.type, data: recorded.data } as unknown as ApprovalEvent;
  switch (event.type) {
    case 'ApprovalOpened':
      return opened(event.data, time);
    case 'ActionAllowed':
      return allowed(event.data, time, actor.id);
    case 'ActionRejected': {
      const { approvalId: id, runId, caseId, code, reason } = event.data;
      const decided = { status: 'rejected', decidedAt: time, decidedBy: actor.id } as const;
      return { ...EMPTY, id, runId, caseId, code, comment: reason, wording: '(not asked)', openedAt: time, ...decided };
    }
    case 'GrantRecorded': {
      const { approver: by, comment } = event.data;
      return before && { ...before, grants: [...before.grants, { by, at: time, comment }] };
    }
    case 'ApprovalGranted': {
      const { comment, warrant } = event.data;
      const grants = [...(before?.grants ?? []), { by: actor.id, at: time, comment }];
      const decided = { status: 'granted', decidedAt: time, decidedBy: actor.id, comment, grants } as const;
      return before && { ...before, ...decided, warrantExpiresAt: warrant === null ? null : expiryOf(warrant) };
    }
    case 'ApprovalDenied': {
      const decided = { status: 'denied', decidedAt: time, decidedBy: actor.id } as const;
      return before && { ...before, ...decided, comment: event.data.comment };
    }
    case 'ApprovalExpired':
      return before && { ...before, status: 'expired', decidedAt: time, decidedBy: actor.id };
    case 'RevocationRequested':
      return before && { ...before, revocation: { by: actor.id, at: time, reason: event.data.reason } };
    default: {
      const _: never = event;
      return before;
    }
  }
}

export function recordOf(events: readonly RecordedEvent[]): ApprovalRecord | undefined {
  return events.reduce<ApprovalRecord | undefined>(recordAfter, undefined);
}

const EMPTY: ApprovalRecord = {
  id: '',
  kind: 'action',
  status: 'pending',
  digest: null,
  effect: null,
  wording: '',
  reason: '',
  caseId: null,
  runId: null,
  requester: null,
  requiredRoles: [],
  requiredGrants: 0,
  grants: [],
  openedAt: '',
  deadline: null,
  decidedAt: null,
  decidedBy: null,
  comment: null,
  code: null,
  revocation: null,
  request: null,
  playbook: null,
  excluded: [],
  policyVersion: null,
  warrantExpiresAt: null,
};

type DataOf<Type extends ApprovalEvent['type']> = Extract<ApprovalEvent, { type: Type }>['data'];

function opened(data: DataOf<'ApprovalOpened'>, openedAt: string): ApprovalRecord {
  const { approvalId: id, ...shown } = data;
  return { ...EMPTY, ...shown, id, openedAt, runId: data.request?.runId ?? null };
}

function allowed(data: DataOf<'ActionAllowed'>, time: string, by: string): ApprovalRecord {
  const { approvalId: id, digest, runId, caseId, request, policyVersion, warrant } = data;
  return {
    ...EMPTY,
    id,
    status: 'allowed',
    digest,
    effect: 'write',
    wording: '(not asked)',
    caseId,
    runId,
    request,
    policyVersion,
    openedAt: time,
    decidedAt: time,
    decidedBy: by,
    warrantExpiresAt: expiryOf(warrant),
  };
}

/** Read from the payload without checking it: this service has signed it itself. Null for one that was erased. */
function expiryOf(warrant: string): string | null {
  if (warrant === ERASED) return null;
  const payload: unknown = JSON.parse(Buffer.from(warrant.split('.')[1] ?? '', 'base64url').toString('utf8'));
  if (typeof payload !== 'object' || payload === null || !('exp' in payload)) return null;
  return typeof payload.exp === 'number' ? new Date(payload.exp * 1000).toISOString() : null;
}
