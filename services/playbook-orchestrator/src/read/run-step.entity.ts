import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ActionTarget } from '#contracts/action';
import type { JsonObject } from '#libs/kernel';

export type RunStepStatus = 'started' | 'waiting' | 'dispatched' | 'completed' | 'failed' | 'cancelled';

@Entity('run_step')
export class RunStepRow {
  @PrimaryColumn('uuid', { name: 'run_id' })
  runId!: string;

  @PrimaryColumn('text', { name: 'step_id' })
  stepId!: string;

  @Column('text')
  tenant!: string;

  /** The version of the run's stream at which it started: the order of the steps. */
  @Column('integer', { name: 'started_version' })
  startedVersion!: number;

  @Column('text')
  kind!: string;

  @Column('text')
  name!: string;

  @Column('text')
  status!: RunStepStatus;

  @Column('uuid', { name: 'action_id', nullable: true })
  actionId!: string | null;

  @Column('text', { name: 'connection_id', nullable: true })
  connectionId!: string | null;

  @Column('text', { nullable: true })
  action!: string | null;

  @Column('jsonb', { nullable: true })
  target!: ActionTarget | null;

  @Column('timestamptz', { name: 'started_at' })
  startedAt!: Date;

  @Column('timestamptz', { name: 'requested_at', nullable: true })
  requestedAt!: Date | null;

  @Column('timestamptz', { name: 'dispatched_at', nullable: true })
  dispatchedAt!: Date | null;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt!: Date | null;

  @Column('jsonb', { nullable: true })
  outputs!: JsonObject | null;

  @Column('text', { nullable: true })
  code!: string | null;

  @Column('text', { nullable: true })
  reason!: string | null;
}
