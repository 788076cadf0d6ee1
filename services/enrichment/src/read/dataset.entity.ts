import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A file of the folder of data sets, as its events leave it. */
@Entity({ name: 'dataset' })
export class DatasetRow {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  tenant!: string;

  @Column('text')
  name!: string;

  @Column('text')
  status!: 'loaded' | 'refused';

  @Column('text', { nullable: true })
  kind!: 'warninglist' | 'verdicts' | null;

  @Column('text', { nullable: true })
  digest!: string | null;

  @Column('integer')
  entries!: number;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('timestamptz', { name: 'changed_at' })
  changedAt!: Date;
}
