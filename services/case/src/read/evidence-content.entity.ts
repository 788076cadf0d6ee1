import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The bytes of a file that was added as evidence. They stay out of the ledger, which holds their digest. */
@Entity('evidence_content')
export class EvidenceContentRow {
  @PrimaryColumn('text')
  tenant!: string;

  /** SHA-256, lower-case hexadecimal. */
  @PrimaryColumn('text')
  digest!: string;

  @Column('bytea')
  content!: Buffer;
}
