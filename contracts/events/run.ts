import Type from 'typebox';
import { ActionRequest, Warrant } from '../action';
import { AnyObject, Closed, Digest, Literals, Nullable, Personal, Text, Timestamp, Uuid } from '../schema';
import { eventContracts, type EventOf } from './event';

const OfRun = { runId: Uuid, caseId: Nullable(Uuid) };
const OfStep = { ...OfRun, stepId: Text(200) };
const OfAction = { ...OfStep, actionId: Uuid };
const Trouble = { code: Text(100), reason: Personal(Text(4000)) };

/** Stream `run-<runId>`. Everything the interpreter knows stands here and in the playbook version that it names. */
export const runEvents = eventContracts('run', {
  RunStarted: Closed({
    ...OfRun,
    playbookId: Text(200),
    playbookDigest: Digest,
    playbookName: Text(500),
    trigger: Closed({ kind: Literals('case_opened', 'alert_grouped', 'manual'), eventId: Nullable(Uuid) }),
    /** Start values of the playbook's variables, `{__name__: {type, value}}`. */
    variables: Personal(AnyObject),
    /** Names of the variables that the person who started the run set: that person counts as author of what follows. */
    overridden: Type.Array(Text(210)),
    /** The run fails when it has not ended by then. */
    deadline: Timestamp,
  }),
  StepStarted: Closed({ ...OfStep, kind: Text(50), name: Text(500, 0), deadline: Nullable(Timestamp) }),
  ActionRequested: Closed({ ...OfAction, request: ActionRequest }),
  /** The connector may act. `warrant` is null for a read. */
  ActionDispatched: Closed({ ...OfAction, request: ActionRequest, warrant: Nullable(Warrant) }),
  /** The run no longer wants it. */
  ActionWithdrawn: Closed({ ...OfAction, reason: Text(2000) }),
  /** `outputs`: the variables that the step set, `{__name__: value}` as CACAO writes values. */
  StepCompleted: Closed({ ...OfStep, outputs: Personal(AnyObject) }),
  StepFailed: Closed({ ...OfStep, ...Trouble }),
  RunCompleted: Closed({ ...OfRun, stepId: Text(200) }),
  RunFailed: Closed({ ...OfRun, stepId: Nullable(Text(200)), ...Trouble }),
});
export type RunEvent = EventOf<typeof runEvents>;
