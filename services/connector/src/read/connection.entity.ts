import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JsonObject } from '#libs/kernel';

@Entity({ name: 'connection' })
export class Connection {
  @PrimaryColumn('text')
  tenant!: string;

  @PrimaryColumn('text')
  id!: string;

  @Column('text')
  connector!: string;

  @Column('text')
  name!: string;

  @Column('integer')
  version!: number;

  @Column('jsonb')
  settings!: JsonObject;

  @Column('jsonb', { name: 'allowed_hosts' })
  allowedHosts!: string[];

  @Column('timestamptz', { name: 'changed_at' })
  changedAt!: Date;

  @Column('boolean')
  removed!: boolean;
}
