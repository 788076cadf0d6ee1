import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Effect } from '#contracts/action';

/** What a connector of this installation declares; the same for every tenant. */
@Entity('manifest_copy')
export class ManifestCopy {
  @PrimaryColumn('text')
  connector!: string;

  /** Digest of the manifest. */
  @Column('text')
  version!: string;

  /** By name of the action. */
  @Column('jsonb')
  effects!: Record<string, Effect>;

  @Column('integer', { name: 'stream_version' })
  streamVersion!: number;
}
