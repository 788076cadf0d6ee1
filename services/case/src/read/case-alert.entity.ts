import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What an alert of a case says at present, for the highest of all of them. */
@Entity('case_alert')
export class CaseAlertRow {
  @PrimaryColumn('uuid', { name: 'case_id' })
  caseId!: string;

  @PrimaryColumn('uuid', { name: 'alert_id' })
  alertId!: string;

  @Column('text')
  tenant!: string;

  /** Position in SEVERITIES. */
  @Column('integer', { name: 'severity_rank' })
  severityRank!: number;

  /** Position in VERDICTS. */
  @Column('integer', { name: 'verdict_rank' })
  verdictRank!: number;

  @Column('integer')
  score!: number;
}
