import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A token of a source, by its hash. */
@Entity({ name: 'source_token' })
export class SourceTokenRow {
  /** SHA-256, lower-case hexadecimal. */
  @PrimaryColumn('text')
  digest!: string;

  @Column('text')
  tenant!: string;

  @Column('uuid', { name: 'source_id' })
  sourceId!: string;

  /** Null while it is the latest of its source. */
  @Column('timestamptz', { name: 'valid_until', nullable: true })
  validUntil!: Date | null;
}
