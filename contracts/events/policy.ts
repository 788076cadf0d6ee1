import { SigningKey } from '../action';
import { eventContracts, type EventOf } from './event';

/** Stream `policy-keys`: the warrant-signing keys. */
export const policyEvents = eventContracts('policy', { SigningKeyPublished: SigningKey });
export type PolicyEvent = EventOf<typeof policyEvents>;
