import { AnyObject, Closed, Digest, Literals, Text, Uuid } from '../schema';
import { eventContracts, type EventOf } from './event';

const Version = { playbookId: Text(200), digest: Digest };

/**
 * Stream `playbook-<uuid v5 of tenant and playbookId>`: a CACAO id (`playbook--<uuid>`) comes from outside, and two
 * tenants may import the same document. Versions are digests.
 */
export const playbookEvents = eventContracts('playbook', {
  /** A version exists, inactive. Its actor counts as author (invariant 5), with the human behind an agent. */
  PlaybookDrafted: Closed({
    ...Version,
    name: Text(500),
    /** The CACAO 2.0 document; the digest is over its canonical form. */
    document: AnyObject,
    origin: Literals('import', 'agent'),
  }),
  PlaybookActivated: Closed({ ...Version, approvalId: Uuid }),
  PlaybookActivationRefused: Closed({
    ...Version,
    approvalId: Uuid,
    /** `not_executable`: it was granted, and this release cannot run it. */
    outcome: Literals('denied', 'expired', 'not_executable'),
  }),
  PlaybookRetired: Closed({ ...Version, reason: Text(2000) }),
});
export type PlaybookEvent = EventOf<typeof playbookEvents>;
