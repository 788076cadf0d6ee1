import type { CorrelationEvent } from '#contracts/events/alert';
import type { Decider, JsonObject } from '#libs/kernel';

export type RulesAdopted = Extract<CorrelationEvent, { type: 'CorrelationRulesAdopted' }>;

/** The rules that were adopted last, by whichever instance. */
export interface AdoptedRules {
  /** 0 before the first ones. */
  readonly version: number;
  readonly digest: string | undefined;
}

export interface AdoptRules {
  readonly type: 'AdoptRules';
  readonly digest: string;
  readonly rules: JsonObject;
  readonly instance: string;
}

/** Stream `correlation-rules`: recorded when an instance begins to decide by other rules than those adopted last. */
export const correlationRulesDecider: Decider<AdoptedRules, AdoptRules, RulesAdopted> = {
  initialState: () => ({ version: 0, digest: undefined }),

  decide: ({ digest, rules, instance }, adopted) =>
    adopted.digest === digest
      ? []
      : [{ type: 'CorrelationRulesAdopted', data: { version: adopted.version + 1, digest, rules, instance } }],

  evolve: (_, { data: { version, digest } }) => ({ version, digest }),
};
