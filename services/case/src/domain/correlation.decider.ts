import type { CorrelationEvent } from '#contracts/events/alert';
import type { Decider } from '#libs/kernel';

/** The case that alerts of one key go to at present. Times are RFC 3339. */
export type CorrelationState =
  { readonly status: 'none' } | { readonly status: 'open'; readonly caseId: string; readonly windowEndsAt: string };

export interface PlaceAlert {
  readonly type: 'PlaceAlert';
  readonly rule: string;
  readonly alertId: string;
  /** When the alert was received: a source's own clock may be anywhere. */
  readonly receivedAt: string;
  readonly windowMinutes: number;
  /** For when it opens a case. */
  readonly newCaseId: string;
  /** Whether people have closed the case that the window leads to. */
  readonly caseIsClosed: boolean;
}

/** Whether an alert joins the open case of its key: within the window, which each alert prolongs, and not once it is closed. */
export function joins(state: CorrelationState, { receivedAt, caseIsClosed }: PlaceAlert): boolean {
  return state.status === 'open' && !caseIsClosed && Date.parse(receivedAt) <= Date.parse(state.windowEndsAt);
}

export const correlationDecider: Decider<CorrelationState, PlaceAlert, CorrelationEvent> = {
  initialState: () => ({ status: 'none' }),

  decide(command, state) {
    const { rule, alertId, receivedAt, windowMinutes, newCaseId } = command;
    const end = Date.parse(receivedAt) + windowMinutes * 60_000;
    if (state.status === 'open' && joins(state, command)) {
      const windowEndsAt = new Date(Math.max(end, Date.parse(state.windowEndsAt))).toISOString();
      return [{ type: 'CorrelationJoined', data: { rule, caseId: state.caseId, alertId, windowEndsAt } }];
    }
    const windowEndsAt = new Date(end).toISOString();
    return [{ type: 'CorrelationOpened', data: { rule, caseId: newCaseId, alertId, windowEndsAt } }];
  },

  evolve: (_, { data }) => ({ status: 'open', caseId: data.caseId, windowEndsAt: data.windowEndsAt }),

  snapshots: { name: 'correlation', stateVersion: 1 },
};
