import { serviceActor, type Actor, type EventMeta } from '#contracts/envelope';
import type { BusMessage } from '#libs/bus';

/** Who and why, for events that a message of another service leads to. */
export function causedBy({ tenant, id, correlationId, traceparent }: BusMessage): {
  tenant: string;
  actor: Actor;
  meta: EventMeta;
} {
  return {
    tenant,
    actor: serviceActor('approval'),
    meta: { correlationId, causationId: id, ...(traceparent === undefined ? {} : { traceparent }) },
  };
}
