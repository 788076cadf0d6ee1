import { SEVERITIES, type DetectionFinding, type Severity } from '#contracts/alert';

/** 0 for informational, 4 for critical. */
export function severityRank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

export function highestSeverity(first: Severity, ...others: readonly Severity[]): Severity {
  return others.reduce((highest, next) => (severityRank(next) > severityRank(highest) ? next : highest), first);
}

/**
 * Our severity for OCSF's `severity_id` (1 informational to 5 critical, 6 fatal). A source that does not say (0 unknown,
 * 99 other) gets medium: what nobody has judged must not be sorted out for being harmless.
 */
export function severityOfFinding({ severity_id }: Pick<DetectionFinding, 'severity_id'>): Severity {
  switch (severity_id) {
    case 1:
      return 'informational';
    case 2:
      return 'low';
    case 4:
      return 'high';
    case 5:
    case 6:
      return 'critical';
    default:
      return 'medium';
  }
}
