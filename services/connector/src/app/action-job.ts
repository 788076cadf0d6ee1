import { ActionRequest } from '#contracts/action';
import type { EventMeta } from '#contracts/envelope';
import { type JsonObject, DomainError, isJsonObject } from '#libs/kernel';
import type { Job, JobSpec } from '#libs/jobs';
import type { BusMessage } from '#libs/bus';
import { demandValid } from '#libs/service';

export const ACTION_JOB = 'action';

/** What a leased action job carries: the dispatched action and where it came from. No secret among it. */
export interface DispatchedAction {
  readonly request: ActionRequest;
  readonly warrant: string | null;
  readonly meta: EventMeta;
}

/** The job of an ActionDispatched message: its id is the action's, so that a redelivered message schedules nothing. */
export function actionJob(message: BusMessage): JobSpec {
  const { request, warrant } = message.data;
  demandValid(ActionRequest, request, 'request');
  if (!isJsonObject(request)) throw new DomainError('invalid_field', { field: 'request', reason: 'must be an object' });
  const meta: JsonObject = { correlationId: message.correlationId, causationId: message.id };
  if (message.traceparent !== undefined) meta['traceparent'] = message.traceparent;
  return {
    id: String(request['actionId']),
    kind: ACTION_JOB,
    tenant: message.tenant,
    payload: { request, warrant: warrant ?? null, meta },
  };
}

/** The payload as `actionJob` wrote it, after the check there. */
export function dispatchedAction(job: Job): DispatchedAction {
  return job.payload as unknown as DispatchedAction;
}
