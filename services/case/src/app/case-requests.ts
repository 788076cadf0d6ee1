import type { CaseView } from '#contracts/http/case';
import type { EventMeta } from '#contracts/envelope';
import type { Principal } from '#contracts/identity';
import { type EventStore, execute, type RecordedEvent, type Snapshots } from '#libs/event-store';
import { type Clock, deterministicId, DomainError, eventId, newId } from '#libs/kernel';
import { actorOf, type RequestTrace } from '#libs/service';
import { caseDecider, type PersonCommand } from '../domain/case.decider';
import type { CaseViews } from './case-views';

/** One call of a command on a case. */
export interface CaseRequest {
  readonly caseId: string;
  readonly principal: Principal;
  readonly trace: RequestTrace;
  /** As the header `Idempotency-Key` says: the same key is the same call. */
  readonly idempotencyKey?: string;
}

/** The event that a command leads to, and the fields of it that the caller has given: what a repetition must agree with. */
export interface ExpectedEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const KEY = /^[\x21-\x7e]{1,200}$/;

/** Carries out what people ask of a case, each call once however often it is sent. */
export class CaseRequests {
  constructor(
    private readonly store: EventStore,
    private readonly snapshots: Snapshots,
    private readonly views: CaseViews,
    private readonly clock: Clock,
  ) {}

  /** Of the note, the evidence or the escalation that a call makes: the same for the same key. */
  newIdFor(request: CaseRequest, what: string): string {
    const cause = causeOf(request);
    return cause === undefined ? newId() : deterministicId(what, cause);
  }

  /**
   * The case after the command; for a call that was carried out before, the case as it was after that.
   * @throws DomainError('not_found') for a case of another tenant, ('idempotency_key_reused') for a key that stood for
   * another call, and what the decider refuses.
   */
  async carryOut(request: CaseRequest, command: PersonCommand, expected: ExpectedEvent): Promise<CaseView> {
    const { caseId, principal, trace } = request;
    const stream = `case-${caseId}`;
    const cause = causeOf(request);
    const answered = await this.earlierAnswer(request, expected);
    if (answered) return answered;
    const meta: EventMeta = {
      correlationId: trace.correlationId,
      traceparent: trace.traceparent,
      ...(cause !== undefined && { causationId: cause }),
    };
    const context = {
      category: 'case',
      stream,
      tenant: principal.tenant,
      actor: actorOf(principal),
      meta,
      time: this.clock.now(),
    } as const;
    try {
      await execute(this.store, caseDecider, context, command, this.snapshots);
    } catch (error) {
      // The same call may have been carried out by somebody else since we looked.
      const meanwhile = error instanceof DomainError ? await this.earlierAnswer(request, expected) : undefined;
      if (meanwhile) return meanwhile;
      throw error;
    }
    return this.views.current(principal.tenant, caseId);
  }

  private async earlierAnswer(request: CaseRequest, expected: ExpectedEvent): Promise<CaseView | undefined> {
    const { caseId, principal } = request;
    const cause = causeOf(request);
    if (cause === undefined) {
      await this.views.demand(principal.tenant, caseId);
      return undefined;
    }
    const history = await this.views.history(principal.tenant, caseId);
    const id = eventId(`case-${caseId}`, cause, 0);
    const at = history.findIndex((event) => event.id === id);
    const earlier = history[at];
    if (!earlier) return undefined;
    if (!agrees(earlier, expected)) {
      throw new DomainError('idempotency_key_reused', {
        field: 'Idempotency-Key',
        reason: `'${request.idempotencyKey}' stood for another call on this case (${earlier.type}); take a new key for a new call.`,
      });
    }
    return this.views.viewOf(caseId, history.slice(0, at + 1));
  }
}

/** The key means something to its caller only: two people may well both send `1`. */
function causeOf({ caseId, principal, idempotencyKey }: CaseRequest): string | undefined {
  if (idempotencyKey === undefined) return undefined;
  if (!KEY.test(idempotencyKey)) {
    throw new DomainError('invalid_field', {
      field: 'Idempotency-Key',
      reason: 'must have 1 to 200 visible ASCII characters',
    });
  }
  return deterministicId('request', principal.tenant, principal.subject, caseId, idempotencyKey);
}

function agrees({ type, data }: RecordedEvent, expected: ExpectedEvent): boolean {
  if (type !== expected.type) return false;
  return Object.entries(expected.data).every(([field, value]) => JSON.stringify(data[field]) === JSON.stringify(value));
}
