import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ActionView } from '#contracts/http/connector';
import type { JsonObject } from '#libs/kernel';

@Entity({ name: 'action' })
export class Action {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  tenant!: string;

  @Column('text')
  status!: ActionView['status'];

  @Column('uuid', { name: 'run_id' })
  runId!: string;

  @Column('uuid', { name: 'case_id', nullable: true })
  caseId!: string | null;

  @Column('text', { name: 'connection_id' })
  connectionId!: string;

  @Column('text')
  action!: string;

  @Column('integer', { nullable: true })
  attempts!: number | null;

  @Column('jsonb')
  approvers!: string[];

  @Column('text', { nullable: true })
  code!: string | null;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('jsonb', { nullable: true })
  outputs!: JsonObject | null;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt!: Date | null;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt!: Date | null;
}
