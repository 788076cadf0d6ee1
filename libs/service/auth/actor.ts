import type { Actor } from '#contracts/envelope';
import type { Principal } from '#contracts/identity';

/** The principal as the actor of the events that its request leads to. */
export function actorOf(principal: Principal): Actor {
  const actor: Actor = { kind: principal.kind, id: principal.subject };
  return principal.behalfOf === undefined ? actor : { ...actor, behalfOf: principal.behalfOf };
}
