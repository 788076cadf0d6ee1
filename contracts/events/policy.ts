import { SigningKey } from '../action';
import { AnyObject, Closed, Digest } from '../schema';
import { eventContracts, type EventOf } from './event';

/** What the approval service decides by from now on. */
export const PolicyAdopted = Closed({
  /** SHA-256 of its canonical form: what events and warrants name. */
  version: Digest,
  policy: AnyObject,
});

/** Stream `policy-keys`: the warrant-signing keys. Stream `policy-document`: the policy. */
export const policyEvents = eventContracts('policy', { SigningKeyPublished: SigningKey, PolicyAdopted });
export type PolicyEvent = EventOf<typeof policyEvents>;
