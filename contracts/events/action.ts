import Type from 'typebox';
import { AnyObject, Closed, Digest, Nullable, Personal, PersonName, Text, Uuid } from '../schema';
import { eventContracts, type EventOf } from './event';

const OfAction = {
  actionId: Uuid,
  runId: Uuid,
  caseId: Nullable(Uuid),
  stepId: Text(200),
  connectionId: Text(100),
  action: Text(100),
};
const Trouble = { code: Text(100), reason: Personal(Text(4000)) };

/** Stream `action-<actionId>`: ActionStarted and one end, or only ActionRefused. ActionStarted spends the warrant. */
export const actionEvents = eventContracts('action', {
  ActionStarted: Closed({
    ...OfAction,
    digest: Digest,
    /** The key that every attempt presents to the target. */
    idempotencyKey: Text(200),
    /** Null for a read. */
    warrantId: Nullable(Uuid),
    approvers: Type.Array(PersonName(Text(200))),
  }),
  ActionSucceeded: Closed({ ...OfAction, attempts: Type.Integer({ minimum: 1 }), outputs: Personal(AnyObject) }),
  ActionFailed: Closed({ ...OfAction, attempts: Type.Integer({ minimum: 0 }), ...Trouble }),
  /** The call may or may not have had its effect; it is never repeated blindly (invariant 3). */
  ActionOutcomeUnknown: Closed({ ...OfAction, attempts: Type.Integer({ minimum: 1 }), ...Trouble }),
  ActionRefused: Closed({ ...OfAction, ...Trouble }),
});
export type ActionEvent = EventOf<typeof actionEvents>;
