import type { PollConfiguration } from '#contracts/source-poll';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** How a source is polled, as its events leave it. */
@Entity({ name: 'poll' })
export class PollRow {
  @PrimaryColumn('uuid', { name: 'source_id' })
  sourceId!: string;

  @Column('text')
  tenant!: string;

  @Column('integer')
  revision!: number;

  /** Null while it is not polled. */
  @Column('jsonb', { nullable: true })
  configuration!: PollConfiguration | null;

  @Column('timestamptz')
  watermark!: Date;
}
