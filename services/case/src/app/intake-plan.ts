import { type CorrelationRules, correlate, naturalKeyOf } from '../domain/correlation-rule';
import type { Reception } from '../domain/intake';
import { CorrelationNames } from './correlation-key';
import type { Intake } from './intake-message';

/** The rules that an instance decides by, as it has announced them in the ledger. */
export interface RulesInForce {
  readonly version: number;
  readonly digest: string;
  readonly rules: CorrelationRules;
}

/** What the rules say of one receipt, and which streams it takes to decide on it. */
export interface IntakePlan {
  readonly rules: RulesInForce;
  readonly ruling?: Reception['ruling'];
  /** Of the key's cases. */
  readonly correlation?: string;
  readonly natural?: NonNullable<Reception['natural']> & { readonly stream: string };
  /** Of the ruling's links, in their order. */
  readonly entities: readonly string[];
}

export function planOf(intake: Intake, rules: RulesInForce, hmacKey: Buffer): IntakePlan {
  if (intake.kind === 'refused') return { rules, entities: [] };
  const names = new CorrelationNames(hmacKey, intake.message.tenant);
  const natural = naturalKeyOf(rules.rules, intake.alert);
  const shared = {
    rules,
    ...(natural && {
      natural: { rule: natural.rule, windowMinutes: natural.windowMinutes, stream: names.naturalStream(natural) },
    }),
  };
  const ruling = correlate(rules.rules, intake.alert);
  if (ruling?.kind !== 'group') return { ...shared, ruling, entities: [] };
  const { key, likeness, links, ...placement } = ruling;
  return {
    ...shared,
    ruling: {
      ...placement,
      likeness: names.likeness(likeness),
      links: links.map(({ entity, windowMinutes }) => ({ entity, windowMinutes })),
    },
    correlation: names.stream({ rule: ruling.rule, key }),
    entities: links.map((link) => names.entityStream(link)),
  };
}
