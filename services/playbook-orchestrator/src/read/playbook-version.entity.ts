import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JsonObject } from '#libs/kernel';
import type { VersionState } from '../domain/playbook.decider';

/** One version of a playbook, by the digest of its document. */
@Entity('playbook_version')
export class PlaybookVersionRow {
  @PrimaryColumn('text')
  tenant!: string;

  @PrimaryColumn('text', { name: 'playbook_id' })
  playbookId!: string;

  @PrimaryColumn('text')
  digest!: string;

  @Column('text')
  name!: string;

  @Column('text')
  state!: VersionState;

  @Column('boolean')
  executable!: boolean;

  @Column('jsonb')
  authors!: string[];

  @Column('text')
  origin!: 'import' | 'agent';

  @Column('jsonb')
  document!: JsonObject;

  /** The approval whose grant activates it. */
  @Column('uuid', { name: 'activation_approval_id' })
  activationApprovalId!: string;

  @Column('timestamptz', { name: 'drafted_at' })
  draftedAt!: Date;

  /** Of the versions of one playbook, the order in which they came. */
  @Column('integer', { name: 'drafted_version' })
  draftedVersion!: number;

  @Column('timestamptz', { name: 'activated_at', nullable: true })
  activatedAt!: Date | null;

  @Column('timestamptz', { name: 'retired_at', nullable: true })
  retiredAt!: Date | null;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt!: Date;
}
