import type { CorrelationRulesDocument } from '#contracts/correlation-rules';
import { compileRules, type CorrelationRules } from './correlation-rule';

type Rule = CorrelationRulesDocument['rules'][number];

/** Rules as a test needs them, which has to be right about them. */
export function rulesOf(rules: readonly Rule[], more: Partial<CorrelationRulesDocument> = {}): CorrelationRules {
  const compiled = compileRules({
    minimumSeverity: 'low',
    rules: [...rules],
    fallback: { windowMinutes: 60 },
    ...more,
  });
  if ('document' in compiled) return compiled;
  throw new Error(JSON.stringify(compiled));
}

/** As an instance has adopted them. */
export const rulesInForce = (rules: CorrelationRules, version = 1) => ({ rules, version, digest: 'd'.repeat(64) });
