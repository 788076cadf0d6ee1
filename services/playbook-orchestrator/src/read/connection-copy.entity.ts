import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A registered connection, as the connector service's events tell. */
@Entity('connection_copy')
export class ConnectionCopy {
  @PrimaryColumn('text')
  tenant!: string;

  @PrimaryColumn('text', { name: 'connection_id' })
  connectionId!: string;

  @Column('text')
  connector!: string;

  @Column('integer')
  version!: number;

  @Column('boolean')
  removed!: boolean;

  /** Version of the connection's stream: what is older changes nothing. */
  @Column('integer', { name: 'stream_version' })
  streamVersion!: number;
}
