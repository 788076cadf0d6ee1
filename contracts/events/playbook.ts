import { AnyObject, Closed, Digest, Literals, Text, Uuid } from '../schema';
import { eventContracts, type EventOf } from './event';

const Version = { playbookId: Text(200), digest: Digest };

/** Stream `playbook-<playbookId>` (CACAO ids are `playbook--<uuid>`; the stream holds the uuid). Versions are digests. */
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
  PlaybookActivationRefused: Closed({ ...Version, approvalId: Uuid, outcome: Literals('denied', 'expired') }),
  PlaybookRetired: Closed({ ...Version, reason: Text(2000) }),
});
export type PlaybookEvent = EventOf<typeof playbookEvents>;
