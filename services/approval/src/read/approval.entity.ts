import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ApprovalStatus } from '#contracts/http/approval';
import type { ApprovalRecord } from './approval-record';

/** A row of the list of approvals: what it is filtered and sorted by, and the record itself. */
@Entity({ name: 'approval' })
export class ApprovalRow {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  tenant!: string;

  @Column('text')
  kind!: ApprovalRecord['kind'];

  @Column('text')
  status!: ApprovalStatus;

  @Column('uuid', { name: 'case_id', nullable: true })
  caseId!: string | null;

  @Column('timestamptz', { name: 'opened_at' })
  openedAt!: Date;

  @Column('jsonb')
  record!: ApprovalRecord;
}
