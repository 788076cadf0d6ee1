import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An observable, and the cases that have it. One row for each, in however many alerts it stands. */
@Entity('shared_observable')
export class SharedObservableRow {
  /** Of tenant, type and value. */
  @PrimaryColumn('uuid')
  key!: string;

  @Column('text')
  tenant!: string;

  /** How many cases have it. */
  @Column('integer')
  cases!: number;

  /** The first of them, and no more than tell anything. */
  @Column('uuid', { array: true })
  members!: string[];
}

/** The observables that a case is compared by: what it has counted among `SharedObservableRow.cases`. */
@Entity('case_observables')
export class CaseObservablesRow {
  @PrimaryColumn('uuid', { name: 'case_id' })
  caseId!: string;

  @Column('text')
  tenant!: string;

  @Column('uuid', { array: true })
  keys!: string[];
}
