import type { PolicyEvent } from '#contracts/events/policy';
import type { Decider, JsonObject } from '#libs/kernel';

type AdoptedEvent = Extract<PolicyEvent, { type: 'PolicyAdopted' }>;
/** The policy as it stands in the ledger. */
export interface AdoptedPolicy {
  readonly version: string | undefined;
  readonly policy: Readonly<Record<string, unknown>>;
}

/** The policy in force, on stream `policy-document`: recorded when it changes. */
export const policyDecider: Decider<
  AdoptedPolicy,
  { readonly version: string; readonly policy: JsonObject },
  AdoptedEvent
> = {
  decide: ({ version, policy }, adopted) =>
    adopted.version === version ? [] : [{ type: 'PolicyAdopted', data: { version, policy } }],
  evolve: (_, { data }) => data,
  initialState: () => ({ version: undefined, policy: {} }),
};
