import type { SourceSettings } from '#contracts/source-settings';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A source of alerts, as its events leave it. */
@Entity({ name: 'source' })
export class SourceRow {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  tenant!: string;

  @Column('text')
  name!: string;

  @Column('text', { nullable: true })
  format!: string | null;

  @Column('text')
  status!: 'active' | 'disabled';

  @Column('timestamptz', { name: 'registered_at' })
  registeredAt!: Date;

  @Column('text', { name: 'registered_by' })
  registeredBy!: string;

  @Column('timestamptz', { name: 'token_issued_at' })
  tokenIssuedAt!: Date;

  @Column('timestamptz', { name: 'previous_token_valid_until', nullable: true })
  previousTokenValidUntil!: Date | null;

  @Column('text', { name: 'disabled_reason', nullable: true })
  disabledReason!: string | null;

  @Column('jsonb')
  settings!: SourceSettings;
}
