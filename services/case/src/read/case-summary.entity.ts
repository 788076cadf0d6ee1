import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Severity, Verdict } from '#contracts/alert';
import type { CaseStatus } from '#contracts/events/case';
import type { Resolution } from '../domain/case-state';

/** A row of the list of cases. */
@Entity('case_summary')
export class CaseSummaryRow {
  @PrimaryColumn('uuid', { name: 'case_id' })
  caseId!: string;

  @Column('text')
  tenant!: string;

  @Column('text')
  title!: string;

  @Column('text')
  status!: CaseStatus;

  @Column('text', { nullable: true })
  resolution!: Resolution | null;

  @Column('text')
  severity!: Severity;

  @Column('text', { name: 'severity_by' })
  severityBy!: 'alerts' | 'person';

  @Column('text', { nullable: true })
  owner!: string | null;

  @Column('text')
  rule!: string;

  @Column('text')
  verdict!: Verdict;

  @Column('integer')
  score!: number;

  @Column('integer', { name: 'alert_count' })
  alertCount!: number;

  /** Alerts beyond these that were only counted. */
  @Column('integer', { name: 'suppressed_alerts' })
  suppressedAlerts!: number;

  @Column({ type: 'timestamptz', name: 'last_suppressed_at', precision: 3, nullable: true })
  lastSuppressedAt!: Date | null;

  /** The severity that rules have raised it to at least; null where none has. */
  @Column('text', { name: 'raised_to', nullable: true })
  raisedTo!: Severity | null;

  @Column('integer', { name: 'open_escalations' })
  openEscalations!: number;

  /** Of the case's stream. */
  @Column('integer')
  version!: number;

  @Column({ type: 'timestamptz', name: 'opened_at', precision: 3 })
  openedAt!: Date;

  @Column({ type: 'timestamptz', name: 'updated_at', precision: 3 })
  updatedAt!: Date;

  /** What `q` looks into, in lower case: titles, sources and observables, a line each. */
  @Column('text')
  search!: string;
}
