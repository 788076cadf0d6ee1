import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { SigningKey } from '#contracts/action';

/** A SigningKeyPublished event of the approval service, as the bus brought it. */
@Entity('published_key')
export class PublishedKey {
  @PrimaryColumn('uuid', { name: 'event_id' })
  eventId!: string;

  @Column('jsonb')
  key!: SigningKey;
}
