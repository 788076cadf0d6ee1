import type { AlertEnriched, Observable, Severity } from '#contracts/alert';
import { severityOfFinding, severityRank } from './severity';
import { titleOfAlert } from './alert-title';

/** What two alerts can have in common. */
export const CORRELATION_KEYS = [
  'host',
  'user',
  'src_ip',
  'dst_ip',
  'ip',
  'domain',
  'url',
  'hash',
  'email',
  'title',
  'source',
  'format',
] as const;
export type CorrelationKey = (typeof CORRELATION_KEYS)[number];

export interface CorrelationRule {
  readonly name: string;
  readonly when: {
    readonly severityAtLeast?: Severity;
    readonly source?: string;
    readonly format?: string;
  };
  readonly keys: readonly CorrelationKey[];
  /** Minutes after the last alert of the same key in which the next one joins its case. */
  readonly windowMinutes: number;
}

export interface CorrelationRules {
  /** An alert below it leads to no case. */
  readonly minimumSeverity: Severity;
  /** In order: the first one that applies, and whose keys the alert all has, decides. */
  readonly rules: readonly CorrelationRule[];
  /** For alerts that no rule fits: source, title and first entity. */
  readonly fallback: { readonly windowMinutes: number };
}

export const FALLBACK_RULE = 'fallback';

/** Which alerts belong together with this one: those of the same rule with the same key. */
export interface CorrelationMatch {
  readonly rule: string;
  /** Holds personal data: it leaves this process as an HMAC only (invariant 9). */
  readonly key: string;
  readonly windowMinutes: number;
}

/** Undefined when the alert is too harmless for a case. */
export function correlate(rules: CorrelationRules, alert: AlertEnriched): CorrelationMatch | undefined {
  if (severityRank(severityOfFinding(alert.finding)) < severityRank(rules.minimumSeverity)) return undefined;
  for (const rule of rules.rules) {
    if (!applies(rule, alert)) continue;
    const values = rule.keys.map((key) => [key, valueOf(key, alert)] as const);
    if (values.every(([, value]) => value !== undefined)) {
      return { rule: rule.name, key: JSON.stringify(values), windowMinutes: rule.windowMinutes };
    }
  }
  const key = [alert.sourceId, normal(titleOfAlert(alert)), firstEntity(alert) ?? null];
  return { rule: FALLBACK_RULE, key: JSON.stringify(key), windowMinutes: rules.fallback.windowMinutes };
}

function applies({ when }: CorrelationRule, alert: AlertEnriched): boolean {
  const { severityAtLeast, source, format } = when;
  if (severityAtLeast && severityRank(severityOfFinding(alert.finding)) < severityRank(severityAtLeast)) return false;
  if (source !== undefined && source !== alert.source) return false;
  return format === undefined || format === alert.format;
}

function valueOf(key: CorrelationKey, alert: AlertEnriched): string | undefined {
  switch (key) {
    case 'host':
      return entity(alert, ({ type }) => type === 'hostname');
    case 'user':
      return entity(alert, ({ type }) => type === 'username');
    case 'src_ip':
      return entity(alert, ({ type, name }) => type === 'ip' && name.includes('src_endpoint'));
    case 'dst_ip':
      return entity(alert, ({ type, name }) => type === 'ip' && name.includes('dst_endpoint'));
    case 'ip':
    case 'domain':
    case 'url':
    case 'hash':
    case 'email':
      return entity(alert, ({ type }) => type === key);
    case 'title':
      return normal(titleOfAlert(alert));
    case 'source':
      return alert.sourceId;
    case 'format':
      return alert.format;
  }
}

/** The first that fits, those last that a warning list calls benign: half of all alerts name the company's resolver. */
function entity(alert: AlertEnriched, fits: (observable: Observable) => boolean): string | undefined {
  const fitting = alert.observables.filter(fits);
  const chosen = fitting.find(({ verdict }) => verdict !== 'benign') ?? fitting[0];
  return chosen && normal(chosen.value);
}

function firstEntity(alert: AlertEnriched): string | undefined {
  return entity(alert, () => true);
}

const normal = (text: string): string => text.trim().toLowerCase();
