import Type, { type Static } from 'typebox';
import { AttackId, Severity, Verdict } from './alert';
import { Closed, Literals, Text } from './schema';

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
export const CorrelationKey = Literals(...CORRELATION_KEYS);

/** How many alerts like each other a case shows before the next ones are only counted, where the rules do not say. */
export const SUPPRESS_ABOVE = 1000;

const OBSERVABLE_TYPES = ['ip', 'domain', 'hostname', 'url', 'hash', 'email', 'username'] as const;

const Minutes = Type.Integer({ minimum: 1, maximum: 43_200 });
const Name = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,99}$' });
const Several = <const S extends Type.TSchema>(schema: S) =>
  Type.Union([schema, Type.Array(schema, { minItems: 1, maxItems: 200 })]);

/** All of what is given has to hold; of a list, one of it. */
export const AlertCondition = Closed({
  severityAtLeast: Type.Optional(Severity),
  severityAtMost: Type.Optional(Severity),
  /** Names of sources. */
  source: Type.Optional(Several(Text(200))),
  format: Type.Optional(Several(Text(100))),
  /** An expression in RE2's syntax that some part of the title fits. */
  title: Type.Optional(Text(1000)),
  /** A technique stands for its sub-techniques too. */
  attack: Type.Optional(Several(AttackId)),
  /** One observable of the alert for which all of it holds. */
  observable: Type.Optional(
    Closed(
      {
        type: Type.Optional(Literals(...OBSERVABLE_TYPES)),
        value: Type.Optional(Several(Text(2048))),
        /** Addresses and ranges: `10.0.0.0/8`. */
        in: Type.Optional(Several(Text(100))),
        verdictAtLeast: Type.Optional(Verdict),
      },
      { minProperties: 1 },
    ),
  ),
});
export type AlertCondition = Static<typeof AlertCondition>;

/** `never`, or above how many alerts like each other the next ones of a key are only counted. */
export const SuppressRule = Type.Union([
  Type.Literal('never'),
  Closed({ above: Type.Integer({ minimum: 1, maximum: 1_000_000 }) }),
]);
export type SuppressRule = Static<typeof SuppressRule>;

/** What to do once a case has seen so much within its window; each of them once a case. */
export const EscalateRule = Closed(
  {
    /** So many alerts, those that are only counted included. */
    alerts: Type.Optional(Type.Integer({ minimum: 2, maximum: 10_000_000 })),
    /** From so many sources. */
    sources: Type.Optional(Type.Integer({ minimum: 2, maximum: 20 })),
    /** One alert as grave as that. */
    severityAtLeast: Type.Optional(Severity),
    /** Raises the case's severity to it, unless people have set it. */
    raiseTo: Type.Optional(Severity),
    /** Escalates to a person or a tier, who have `withinMinutes` to acknowledge. */
    to: Type.Optional(Closed({ kind: Literals('person', 'tier'), id: Text(200) })),
    withinMinutes: Type.Optional(Minutes),
  },
  { minProperties: 2 },
);
export type EscalateRule = Static<typeof EscalateRule>;

/** Open cases that have seen one of these within the window are linked to the case. */
export const LinkRule = Closed({
  by: Type.Array(CorrelationKey, { minItems: 1, maxItems: 5, uniqueItems: true }),
  windowMinutes: Type.Optional(Minutes),
});
export type LinkRule = Static<typeof LinkRule>;

/** One rule. It has `drop`, or `keys` and `windowMinutes`, and the rest goes with the latter. */
const CorrelationRuleDocument = Closed({
  name: Name,
  when: Type.Optional(AlertCondition),
  /** The alerts are recorded and counted, and lead to no case, for this reason. */
  drop: Type.Optional(Text(500)),
  keys: Type.Optional(Type.Array(CorrelationKey, { minItems: 1, uniqueItems: true })),
  windowMinutes: Type.Optional(Minutes),
  suppress: Type.Optional(SuppressRule),
  escalate: Type.Optional(Type.Array(EscalateRule, { minItems: 1, maxItems: 10 })),
  link: Type.Optional(LinkRule),
});

/** Which alerts belong in one case: the content of the file of rules, and of `CorrelationRulesAdopted`. */
export const CorrelationRulesDocument = Closed({
  /** An alert below it leads to no case. */
  minimumSeverity: Severity,
  /** For every rule that says nothing else, and for the fallback. */
  suppress: Type.Optional(SuppressRule),
  /** For sources without ids of their own: alerts with the same values of `fields` are one alert. */
  naturalKeys: Type.Optional(
    Type.Array(
      Closed({
        name: Name,
        when: Type.Optional(AlertCondition),
        fields: Type.Array(CorrelationKey, { minItems: 1, uniqueItems: true }),
        windowMinutes: Minutes,
      }),
      { maxItems: 50 },
    ),
  ),
  /** In order: the first one that applies, and whose keys the alert all has, decides. */
  rules: Type.Array(CorrelationRuleDocument, { maxItems: 200 }),
  /** For alerts that no rule fits: source, title and first entity. */
  fallback: Closed({ windowMinutes: Minutes, suppress: Type.Optional(SuppressRule) }),
});
export type CorrelationRulesDocument = Static<typeof CorrelationRulesDocument>;
