import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Actor } from '#contracts/envelope';
import type { JsonObject } from '#libs/kernel';

@Entity('run')
export class RunRow {
  @PrimaryColumn('uuid', { name: 'run_id' })
  runId!: string;

  @Column('text')
  tenant!: string;

  @Column('text', { name: 'playbook_id' })
  playbookId!: string;

  @Column('text', { name: 'playbook_digest' })
  playbookDigest!: string;

  @Column('text', { name: 'playbook_name' })
  playbookName!: string;

  @Column('uuid', { name: 'case_id', nullable: true })
  caseId!: string | null;

  @Column('text')
  status!: 'running' | 'waiting' | 'completed' | 'failed';

  @Column('text')
  trigger!: 'case_opened' | 'alert_grouped' | 'manual';

  @Column('jsonb', { name: 'started_by' })
  startedBy!: Actor;

  @Column('jsonb')
  variables!: JsonObject;

  @Column('jsonb')
  overridden!: string[];

  @Column('timestamptz', { name: 'started_at' })
  startedAt!: Date;

  @Column('timestamptz')
  deadline!: Date;

  @Column('timestamptz', { name: 'ended_at', nullable: true })
  endedAt!: Date | null;

  @Column('text', { nullable: true })
  code!: string | null;

  @Column('text', { nullable: true })
  reason!: string | null;
}
