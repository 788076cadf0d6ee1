import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Actor, Category } from '#contracts/envelope';

/** This service's copy of an event of a run, an approval or an action of a case, for its timeline. */
@Entity('foreign_event')
export class ForeignEventRow {
  /** The event's own id: a redelivered message changes nothing. */
  @PrimaryColumn('uuid', { name: 'event_id' })
  eventId!: string;

  @Column('text')
  tenant!: string;

  @Column('uuid', { name: 'case_id' })
  caseId!: string;

  @Column('text')
  category!: Category;

  @Column('text')
  stream!: string;

  @Column('integer')
  version!: number;

  @Column('text')
  type!: string;

  @Column('integer', { name: 'schema_version' })
  schemaVersion!: number;

  @Column({ type: 'timestamptz', precision: 3 })
  time!: Date;

  @Column('jsonb')
  actor!: Actor;

  @Column('jsonb')
  data!: Record<string, unknown>;
}
