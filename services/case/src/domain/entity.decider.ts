import type { CorrelationKey } from '#contracts/correlation-rules';
import type { CorrelationEvent } from '#contracts/events/alert';
import type { Decider } from '#libs/kernel';

export type EntityEvent = Extract<CorrelationEvent, { type: 'EntitySeen' }>;

/** The cases that have named an entity last, each until when that counts. Times are RFC 3339. */
export interface EntityState {
  readonly cases: readonly { readonly caseId: string; readonly endsAt: string }[];
}

export interface SeeEntity {
  readonly type: 'SeeEntity';
  readonly entity: CorrelationKey;
  readonly caseId: string;
  readonly receivedAt: string;
  readonly windowMinutes: number;
}

/** What so many cases at once have in common links none of them: a resolver, a proxy, a scanner. */
export const HOT_CASES = 20;

/** The other cases that an entity links a case to; none when it is hot. */
export function relatedBy(
  { cases }: EntityState,
  { caseId, receivedAt }: Pick<SeeEntity, 'caseId' | 'receivedAt'>,
): string[] {
  const current = cases.filter(({ endsAt }) => Date.parse(receivedAt) <= Date.parse(endsAt));
  if (current.length >= HOT_CASES) return [];
  return current.flatMap((one) => (one.caseId === caseId ? [] : [one.caseId]));
}

export const entityDecider: Decider<EntityState, SeeEntity, EntityEvent> = {
  initialState: () => ({ cases: [] }),

  decide({ entity, caseId, receivedAt, windowMinutes }, { cases }) {
    const known = cases.find((one) => one.caseId === caseId);
    if (known && Date.parse(receivedAt) <= Date.parse(known.endsAt)) return [];
    const endsAt = new Date(Date.parse(receivedAt) + windowMinutes * 60_000).toISOString();
    return [{ type: 'EntitySeen', data: { entity, caseId, endsAt } }];
  },

  evolve: ({ cases }, { data: { caseId, endsAt } }) => ({
    cases: [...cases.filter((one) => one.caseId !== caseId), { caseId, endsAt }].slice(-HOT_CASES),
  }),

  snapshots: { name: 'entity', stateVersion: 1 },
};
