import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What runs need to know of a case: a copy, fed by the case service's events. */
@Entity('case_facts')
export class CaseFactsRow {
  @PrimaryColumn('text')
  tenant!: string;

  @PrimaryColumn('uuid', { name: 'case_id' })
  caseId!: string;

  @Column('text')
  title!: string;

  @Column('text')
  severity!: string;

  @Column('text')
  rule!: string;

  @Column('boolean')
  closed!: boolean;

  /** The variables of its latest alert, for runs that a person starts. */
  @Column('jsonb')
  variables!: Record<string, string | null>;

  @Column('integer', { name: 'stream_version' })
  streamVersion!: number;
}
