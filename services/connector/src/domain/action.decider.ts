import type { ActionRequest } from '#contracts/action';
import type { ActionEvent } from '#contracts/events/action';
import type { Decider, ErrorCode, JsonObject } from '#libs/kernel';

/** Where one action stands. `started` means that the outside may have been called. */
export type ActionState =
  | { readonly status: 'requested' }
  | { readonly status: 'started'; readonly digest: string }
  | { readonly status: 'ended'; readonly end: ActionEvent['type'] };

export interface Trouble {
  readonly code: ErrorCode;
  readonly reason: string;
}

export type ActionCommand =
  /** Spends the warrant: whoever appends first to the action's stream, this or a refusal, wins. */
  | {
      readonly type: 'StartAction';
      readonly request: ActionRequest;
      readonly digest: string;
      readonly warrantId: string | null;
      readonly approvers: readonly string[];
    }
  | ({ readonly type: 'RefuseAction'; readonly request: ActionRequest } & Trouble)
  | {
      readonly type: 'RecordSuccess';
      readonly request: ActionRequest;
      readonly attempts: number;
      readonly outputs: JsonObject;
    }
  | ({ readonly type: 'RecordFailure'; readonly request: ActionRequest; readonly attempts: number } & Trouble)
  | ({ readonly type: 'RecordUnknownOutcome'; readonly request: ActionRequest; readonly attempts: number } & Trouble);

const subject = ({ actionId, runId, caseId, stepId, connectionId, action }: ActionRequest) => ({
  actionId,
  runId,
  caseId,
  stepId,
  connectionId,
  action,
});

function decide(command: ActionCommand, state: ActionState): ActionEvent[] {
  const { request } = command;
  switch (command.type) {
    case 'StartAction':
      if (state.status !== 'requested') return [];
      return [
        {
          type: 'ActionStarted',
          data: {
            ...subject(request),
            digest: command.digest,
            idempotencyKey: request.actionId,
            warrantId: command.warrantId,
            approvers: [...command.approvers],
          },
        },
      ];
    case 'RefuseAction':
      if (state.status !== 'requested') return [];
      return [{ type: 'ActionRefused', data: { ...subject(request), code: command.code, reason: command.reason } }];
    case 'RecordSuccess':
      if (state.status !== 'started') return [];
      return [
        {
          type: 'ActionSucceeded',
          data: { ...subject(request), attempts: command.attempts, outputs: command.outputs },
        },
      ];
    case 'RecordFailure':
    case 'RecordUnknownOutcome': {
      if (state.status !== 'started') return [];
      const { attempts, code, reason } = command;
      const type = command.type === 'RecordFailure' ? 'ActionFailed' : 'ActionOutcomeUnknown';
      return [{ type, data: { ...subject(request), attempts, code, reason } }];
    }
    default: {
      const _: never = command;
      return _;
    }
  }
}

function evolve(_state: ActionState, event: ActionEvent): ActionState {
  if (event.type === 'ActionStarted') return { status: 'started', digest: event.data.digest };
  return { status: 'ended', end: event.type };
}

/** One action on its stream `action-<actionId>`: started and ended once, or refused (invariants 3 and 4). */
export const actionDecider: Decider<ActionState, ActionCommand, ActionEvent> = {
  decide,
  evolve,
  initialState: () => ({ status: 'requested' }),
};

export const actionStream = (actionId: string): string => `action-${actionId}`;
