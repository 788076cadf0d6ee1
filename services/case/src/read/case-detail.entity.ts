import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Observable } from '#contracts/alert';
import type { CaseView } from '#contracts/http/case';
import type { AlertOfCase, Entry } from './case-content';

/** What all alerts of a case come to. */
@Entity('case_detail')
export class CaseDetailRow {
  @PrimaryColumn('uuid', { name: 'case_id' })
  caseId!: string;

  @Column('text')
  tenant!: string;

  /** In the order in which they came. */
  @Column('jsonb')
  observables!: Observable[];

  @Column('jsonb')
  attack!: string[];

  /** Cases that rules have linked it to, in the order in which that happened. */
  @Column('jsonb')
  links!: CaseView['links'];
}

/** An alert of a case, as it was sent last. */
@Entity('case_detail_alert')
export class CaseDetailAlertRow {
  @PrimaryColumn('uuid', { name: 'case_id' })
  caseId!: string;

  @PrimaryColumn('uuid', { name: 'alert_id' })
  alertId!: string;

  @Column('text')
  tenant!: string;

  /** The version of the case's stream with which it came: the order of a case's alerts. */
  @Column('integer')
  place!: number;

  @Column('jsonb')
  content!: AlertOfCase;
}

/** A note, a piece of evidence or an escalation. */
@Entity('case_entry')
export class CaseEntryRow {
  @PrimaryColumn('uuid', { name: 'case_id' })
  caseId!: string;

  @PrimaryColumn('uuid', { name: 'entry_id' })
  entryId!: string;

  @Column('text')
  tenant!: string;

  @Column('text')
  kind!: Entry['kind'];

  /** The version of the case's stream with which it came. */
  @Column('integer')
  place!: number;

  @Column('jsonb')
  content!: Entry['content'];
}
