import type { SigningKey } from '#contracts/action';
import type { PolicyEvent } from '#contracts/events/policy';
import type { Decider } from '#libs/kernel';

type KeyEvent = Extract<PolicyEvent, { type: 'SigningKeyPublished' }>;
/** By key id: the root's signature under what was published last. */
type Published = ReadonlyMap<string, string>;

/** The keys that may sign warrants, on stream `policy-keys`: each is published once, and again when the root changed it. */
export const signingKeysDecider: Decider<Published, { readonly publish: SigningKey }, KeyEvent> = {
  decide: ({ publish }, published) =>
    published.get(publish.keyId) === publish.rootSignature ? [] : [{ type: 'SigningKeyPublished', data: publish }],
  evolve: (published, { data }) => new Map(published).set(data.keyId, data.rootSignature),
  initialState: () => new Map(),
};
