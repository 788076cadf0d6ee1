import type { CaseView } from '#contracts/http/case';
import type { EventMeta } from '#contracts/envelope';
import type { Principal } from '#contracts/identity';
import { type EventStore, execute, type RecordedEvent } from '#libs/event-store';
import { type Clock, deterministicId, DomainError, eventId, newId } from '#libs/kernel';
import { actorOf, type RequestTrace } from '#libs/service';
import { caseDecider, type PersonCommand } from '../domain/case.decider';
import { caseView } from '../read/case-view';

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
      await execute(this.store, caseDecider, context, command);
    } catch (error) {
      // The same call may have been carried out by somebody else since we looked.
      const meanwhile = error instanceof DomainError ? await this.earlierAnswer(request, expected) : undefined;
      if (meanwhile) return meanwhile;
      throw error;
    }
    return this.present(request, await this.history(request));
  }

  /** The case's events. Throws DomainError('not_found') when the tenant has no such case. */
  async history({ caseId, principal }: Pick<CaseRequest, 'caseId' | 'principal'>): Promise<RecordedEvent[]> {
    const history = await this.store.readStream('case', `case-${caseId}`);
    if (history[0]?.tenant !== principal.tenant) {
      throw new DomainError('not_found', { field: 'id', reason: `There is no case ${caseId}.` });
    }
    return history;
  }

  private async earlierAnswer(request: CaseRequest, expected: ExpectedEvent): Promise<CaseView | undefined> {
    const history = await this.history(request);
    const cause = causeOf(request);
    if (cause === undefined) return undefined;
    const id = eventId(`case-${request.caseId}`, cause, 0);
    const at = history.findIndex((event) => event.id === id);
    const earlier = history[at];
    if (!earlier) return undefined;
    if (!agrees(earlier, expected)) {
      throw new DomainError('idempotency_key_reused', {
        field: 'Idempotency-Key',
        reason: `'${request.idempotencyKey}' stood for another call on this case (${earlier.type}); take a new key for a new call.`,
      });
    }
    return this.present(request, history.slice(0, at + 1));
  }

  private present({ caseId }: CaseRequest, history: readonly RecordedEvent[]): CaseView {
    const view = caseView(history);
    if (!view) throw new DomainError('internal', `case ${caseId} has events, and no state`);
    return view;
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
