import type { Actor, EventMeta } from '#contracts/envelope';
import type { StateQuery, StreamState } from '#contracts/state';
import { execute, foldRecorded, type EventStore, type Executed, type RecordedEvent } from '#libs/event-store';
import { DomainError } from '#libs/kernel';
import { causedBy, NO_TELEMETRY, type Telemetry } from '#libs/telemetry';
import { streamState } from '#libs/story';
import type { Approval } from '../domain/approval-state';
import { approvalDecider, type ApprovalCommand } from '../domain/approval.decider';
import { recordOf, type ApprovalRecord } from '../read/approval-record';

export interface Commanding {
  readonly tenant: string;
  readonly approvalId: string;
  readonly actor: Actor;
  readonly meta: EventMeta;
  /** The database's clock. */
  readonly time: Date;
  readonly firstOrdinal?: number;
}

export interface KnownApproval {
  readonly events: readonly RecordedEvent[];
  readonly state: Approval;
  readonly record: ApprovalRecord;
  /** Of the first event: what follows from it belongs to the same story. */
  readonly correlationId: string;
}

/** The streams `approval-<approvalId>`. */
export class ApprovalStream {
  constructor(
    private readonly store: EventStore,
    private readonly telemetry: Telemetry = NO_TELEMETRY,
  ) {}

  run(command: ApprovalCommand, { approvalId, meta, ...rest }: Commanding): Promise<Executed<Approval>> {
    const context = { category: 'approval', stream: streamOf(approvalId), ...rest } as const;
    const attributes = { 'countersign.approval.id': approvalId };
    const work = { name: `approval ${command.type}`, parent: meta.traceparent, attributes };
    return this.telemetry.span(work, (traceparent) =>
      execute(this.store, approvalDecider, { ...context, meta: causedBy(meta, traceparent) }, command),
    );
  }

  /** An approval as the ledger has it at this moment. Throws DomainError('not_found'), for those of other tenants too. */
  async load(tenant: string, approvalId: string): Promise<KnownApproval> {
    const events = await this.store.readStream('approval', streamOf(approvalId));
    const record = recordOf(events);
    const [first] = events;
    if (first === undefined || record === undefined || first.tenant !== tenant) {
      throw new DomainError('not_found', { field: 'id', reason: `There is no approval ${approvalId}.` });
    }
    return { events, record, state: foldRecorded(approvalDecider, events), correlationId: first.meta.correlationId };
  }

  /** What it was at any past moment. @throws DomainError('not_found' | 'invalid_field') */
  state(tenant: string, approvalId: string, query: StateQuery, now: Date): Promise<StreamState> {
    const stream = streamOf(approvalId);
    const missing = `There is no approval ${approvalId}.`;
    return streamState(this.store, { category: 'approval', stream, tenant, fold: recordOf, missing }, query, now);
  }
}

const streamOf = (approvalId: string): string => `approval-${approvalId}`;
