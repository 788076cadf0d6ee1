/** OCSF 1.8 `severity_id`. */
export const SEVERITY_IDS = {
  unknown: 0,
  informational: 1,
  low: 2,
  medium: 3,
  high: 4,
  critical: 5,
  fatal: 6,
  other: 99,
} as const;
export type SeverityName = keyof typeof SEVERITY_IDS;

const CAPTIONS: Readonly<Record<number, string>> = {
  0: 'Unknown',
  1: 'Informational',
  2: 'Low',
  3: 'Medium',
  4: 'High',
  5: 'Critical',
  6: 'Fatal',
  99: 'Other',
};
export const severityCaption = (id: number): string => CAPTIONS[id] ?? 'Other';

const WORDS: Readonly<Record<string, SeverityName>> = {
  informational: 'informational',
  information: 'informational',
  info: 'informational',
  notice: 'informational',
  low: 'low',
  minor: 'low',
  medium: 'medium',
  moderate: 'medium',
  warning: 'medium',
  high: 'high',
  major: 'high',
  severe: 'high',
  error: 'high',
  critical: 'critical',
  crit: 'critical',
  fatal: 'fatal',
  emergency: 'fatal',
};

/** A severity that is written as a word; `undefined` for a word nobody uses for it. */
export function severityOfWord(word: string | undefined): SeverityName | undefined {
  const key = word?.toLowerCase();
  return key !== undefined && Object.hasOwn(WORDS, key) ? WORDS[key] : undefined;
}

/** A risk score from 0 to 100, by the bands that Elastic Security documents for its rules. */
export function severityOfRiskScore(score: number | undefined): SeverityName | undefined {
  if (score === undefined || score < 0) return undefined;
  if (score <= 21) return 'low';
  if (score <= 47) return 'medium';
  return score <= 73 ? 'high' : 'critical';
}
