import { Column, Entity, PrimaryColumn } from 'typeorm';

/** How far the Merkle tree has grown, so that a start goes on from there. It can be dropped: the tree is built again. */
@Entity('tree_state')
export class TreeStateRow {
  /** There is one tree. */
  @PrimaryColumn('integer')
  id!: number;

  /** Number of leaves; a bigint, as text. */
  @Column('bigint')
  size!: string;

  @Column('jsonb')
  nodes!: string[];

  /** The reading cursor after the last leaf. */
  @Column('text', { nullable: true })
  cursor!: string | null;

  /** The last leaf's event; null for an empty tree. */
  @Column('jsonb', { name: 'up_to', nullable: true })
  upTo!: { tx: string; position: string } | null;

  /** Leaves that no checkpoint covers, the checkpoints' own events aside. */
  @Column('bigint')
  uncovered!: string;
}
