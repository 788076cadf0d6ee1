import type { AlertEnriched } from '#contracts/alert';
import {
  type CorrelationKey,
  type CorrelationRulesDocument,
  type EscalateRule,
  SUPPRESS_ABOVE,
  type SuppressRule,
} from '#contracts/correlation-rules';
import { compileCondition, ConditionProblem, type Holds } from './alert-condition';
import { fallbackKeyOf, keyOf, likenessOf, valueOf } from './correlation-key';
import { severityOfFinding, severityRank } from './severity';

type RuleDocument = CorrelationRulesDocument['rules'][number];
type NaturalKeyDocument = NonNullable<CorrelationRulesDocument['naturalKeys']>[number];

/** Rules that were checked, ready for many alerts. */
export interface CorrelationRules {
  readonly document: CorrelationRulesDocument;
  readonly naturalKeys: readonly { readonly document: NaturalKeyDocument; readonly holds: Holds }[];
  readonly rules: readonly { readonly document: RuleDocument; readonly holds: Holds }[];
}

export const FALLBACK_RULE = 'fallback';

/** The alert leads to no case. */
export interface Drop {
  readonly kind: 'drop';
  readonly rule: string;
  readonly reason: string;
}

/** The alert belongs with those of the same rule with the same key. */
export interface Group {
  readonly kind: 'group';
  readonly rule: string;
  /** Holds personal data: it leaves this process as an HMAC only (invariant 9). */
  readonly key: string;
  readonly windowMinutes: number;
  /** Of alerts that tell the same; personal as the key is. */
  readonly likeness: string;
  /** Above how many that are alike the next ones are only counted; null for never. */
  readonly suppressAbove: number | null;
  readonly escalate: readonly EscalateRule[];
  /** Entities by which its case is linked to others; the values are personal as the key is. */
  readonly links: readonly {
    readonly entity: CorrelationKey;
    readonly value: string;
    readonly windowMinutes: number;
  }[];
}

export interface NaturalKey {
  readonly rule: string;
  /** As personal as a key. */
  readonly key: string;
  readonly windowMinutes: number;
}

/** A rule that contradicts itself, at `field` of the document. */
export interface RuleProblem {
  readonly field: string;
  readonly reason: string;
}

/** Ready for use, or everything that is wrong beyond what the contract can say. */
export function compileRules(document: CorrelationRulesDocument): CorrelationRules | readonly RuleProblem[] {
  const problems: RuleProblem[] = [...namesTaken(document)];
  const compile = (at: string, when: RuleDocument['when']): Holds => {
    try {
      return compileCondition(when ?? {});
    } catch (error) {
      if (!(error instanceof ConditionProblem)) throw error;
      problems.push({ field: `${at}.when.${error.field}`, reason: error.reason });
      return () => false;
    }
  };
  const rules = document.rules.map((rule, at) => {
    problems.push(...contradictions(rule, `rules[${at}]`));
    return { document: rule, holds: compile(`rules[${at}]`, rule.when) };
  });
  const naturalKeys = (document.naturalKeys ?? []).map((natural, at) => ({
    document: natural,
    holds: compile(`naturalKeys[${at}]`, natural.when),
  }));
  return problems.length > 0 ? problems : { document, rules, naturalKeys };
}

/** Undefined when the alert is too harmless for a case. */
export function correlate(rules: CorrelationRules, alert: AlertEnriched): Drop | Group | undefined {
  const { minimumSeverity, fallback } = rules.document;
  const isGrave = severityRank(severityOfFinding(alert.finding)) >= severityRank(minimumSeverity);
  for (const { document: rule, holds } of rules.rules) {
    if (rule.drop === undefined && !isGrave) continue;
    if (!holds(alert)) continue;
    if (rule.drop !== undefined) return { kind: 'drop', rule: rule.name, reason: rule.drop };
    const key = keyOf(rule.keys ?? [], alert);
    if (key !== undefined) return groupBy(rules, rule, key, alert);
  }
  if (!isGrave) return undefined;
  return groupBy(rules, { ...fallback, name: FALLBACK_RULE }, fallbackKeyOf(alert), alert);
}

/** The natural key of the first rule that applies, and whose fields the alert all has. */
export function naturalKeyOf(rules: CorrelationRules, alert: AlertEnriched): NaturalKey | undefined {
  for (const { document, holds } of rules.naturalKeys) {
    const key = holds(alert) ? keyOf(document.fields, alert) : undefined;
    // Two sources know nothing of each other's fields: the same values are the same alert within one alone.
    if (key !== undefined) {
      return { rule: document.name, key: `${alert.sourceId} ${key}`, windowMinutes: document.windowMinutes };
    }
  }
  return undefined;
}

function groupBy({ document }: CorrelationRules, rule: RuleDocument, key: string, alert: AlertEnriched): Group {
  const { name, windowMinutes = 0, suppress, escalate = [], link } = rule;
  return {
    kind: 'group',
    rule: name,
    key,
    windowMinutes,
    likeness: likenessOf(alert),
    suppressAbove: limitOf(suppress ?? document.suppress),
    escalate,
    links: (link?.by ?? []).flatMap((entity) => {
      const value = valueOf(entity, alert);
      return value === undefined ? [] : [{ entity, value, windowMinutes: link?.windowMinutes ?? windowMinutes }];
    }),
  };
}

const limitOf = (suppress: SuppressRule = { above: SUPPRESS_ABOVE }): number | null =>
  suppress === 'never' ? null : suppress.above;

function namesTaken({ rules, naturalKeys = [] }: CorrelationRulesDocument): RuleProblem[] {
  const seen = new Set([FALLBACK_RULE]);
  const named = [
    ...naturalKeys.map(({ name }, at) => ({ name, field: `naturalKeys[${at}].name` })),
    ...rules.map(({ name }, at) => ({ name, field: `rules[${at}].name` })),
  ];
  return named.flatMap(({ name, field }) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ field, reason: `is '${name}', which is taken; windows are kept by name, so each rule needs its own` }];
  });
}

function contradictions(rule: RuleDocument, at: string): RuleProblem[] {
  const { drop, keys, windowMinutes, when = {}, suppress, escalate = [], link } = rule;
  if (drop !== undefined) {
    const other = Object.entries({ keys, windowMinutes, suppress, escalate: rule.escalate, link });
    return [
      ...other.flatMap(([field, value]) =>
        value === undefined ? [] : [{ field: `${at}.${field}`, reason: 'does not go with drop' }],
      ),
      ...(Object.keys(when).length === 0
        ? [{ field: `${at}.when`, reason: 'is required with drop: without it, every alert would be dropped' }]
        : []),
    ];
  }
  return [
    ...(keys === undefined ? [{ field: `${at}.keys`, reason: 'is required, unless the rule has drop' }] : []),
    ...(windowMinutes === undefined
      ? [{ field: `${at}.windowMinutes`, reason: 'is required, unless the rule has drop' }]
      : []),
    ...escalate.flatMap((one, index) => halfEscalation(one, `${at}.escalate[${index}]`)),
  ];
}

function halfEscalation(rule: EscalateRule, field: string): RuleProblem[] {
  const { alerts, sources, severityAtLeast, raiseTo, to, withinMinutes } = rule;
  if (alerts === undefined && sources === undefined && severityAtLeast === undefined) {
    return [{ field, reason: 'needs at least one of alerts, sources and severityAtLeast' }];
  }
  if (raiseTo === undefined && to === undefined) return [{ field, reason: 'needs raiseTo or to' }];
  if ((to === undefined) === (withinMinutes === undefined)) return [];
  return [{ field, reason: 'needs to and withinMinutes together: nothing waits for ever' }];
}
