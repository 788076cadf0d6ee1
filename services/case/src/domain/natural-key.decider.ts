import type { CorrelationEvent } from '#contracts/events/alert';
import type { Decider } from '#libs/kernel';

export type NaturalKeyEvent = Extract<CorrelationEvent, { type: 'NaturalKeyTaken' }>;

/** The alert that a natural key stands for at present. Times are RFC 3339. */
export type NaturalKeyState =
  | { readonly status: 'free' }
  | { readonly status: 'taken'; readonly alertId: string; readonly caseId: string | null; readonly endsAt: string };

export interface TakeNaturalKey {
  readonly type: 'TakeNaturalKey';
  readonly rule: string;
  readonly alertId: string;
  readonly caseId: string | null;
  readonly receivedAt: string;
  readonly windowMinutes: number;
}

/** The alert that another one of the same key is a duplicate of; the window begins with it, and is not prolonged. */
export function originalOf(
  state: NaturalKeyState,
  { alertId, receivedAt }: Pick<TakeNaturalKey, 'alertId' | 'receivedAt'>,
): { readonly alertId: string; readonly caseId: string | null } | undefined {
  if (state.status === 'free' || state.alertId === alertId) return undefined;
  return Date.parse(receivedAt) <= Date.parse(state.endsAt) ? state : undefined;
}

export const naturalKeyDecider: Decider<NaturalKeyState, TakeNaturalKey, NaturalKeyEvent> = {
  initialState: () => ({ status: 'free' }),

  decide({ rule, alertId, caseId, receivedAt, windowMinutes }, state) {
    const isTaken = state.status === 'taken' && Date.parse(receivedAt) <= Date.parse(state.endsAt);
    if (isTaken) return [];
    const endsAt = new Date(Date.parse(receivedAt) + windowMinutes * 60_000).toISOString();
    return [{ type: 'NaturalKeyTaken', data: { rule, alertId, caseId, endsAt } }];
  },

  evolve: (_, { data: { alertId, caseId, endsAt } }) => ({ status: 'taken', alertId, caseId, endsAt }),
};
