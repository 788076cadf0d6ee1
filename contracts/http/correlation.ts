import Type, { type Static } from 'typebox';
import { AnyObject, Closed, Digest, Timestamp, Uuid } from '../schema';
import { type Endpoint, paged, pageQuery } from './endpoint';

/** Rules that an instance has begun to decide by. */
export const AdoptedCorrelationRules = Closed({
  version: Type.Integer({ minimum: 1 }),
  digest: Digest,
  adoptedAt: Timestamp,
  instance: Type.String({ format: 'uuid', description: 'Another one for each run of the service.' }),
  rules: Type.Record(Type.String(), Type.Unknown(), {
    description: 'As the file has them, with the defaults that hold without being said.',
  }),
});
export type AdoptedCorrelationRules = Static<typeof AdoptedCorrelationRules>;

/** Why the file of rules is not what holds. */
export const CorrelationRulesProblem = Closed({
  since: Timestamp,
  reason: Type.String(),
  errors: Type.Array(Closed({ field: Type.String(), reason: Type.String() })),
});
export type CorrelationRulesProblem = Static<typeof CorrelationRulesProblem>;

export const CorrelationRulesView = Closed({
  /** What the instance that answers decides by. */
  inForce: Closed({
    version: Type.Integer({ minimum: 1 }),
    digest: Digest,
    since: Timestamp,
    instance: Uuid,
    rules: AnyObject,
    problem: Type.Optional(CorrelationRulesProblem),
  }),
  /** What an instance has adopted last, or had adopted last at the time that was asked for. */
  adopted: AdoptedCorrelationRules,
  agrees: Type.Boolean({ description: 'Whether the instance that answers decides by what was adopted last.' }),
});
export type CorrelationRulesView = Static<typeof CorrelationRulesView>;

export const CorrelationRulesQuery = Closed({
  at: Type.Optional(
    Type.String({ format: 'date-time', description: 'What was adopted last at that time (RFC 3339).' }),
  ),
});
export type CorrelationRulesQuery = Static<typeof CorrelationRulesQuery>;
export const CorrelationHistoryQuery = Closed(pageQuery);
export type CorrelationHistoryQuery = Static<typeof CorrelationHistoryQuery>;

const read = { method: 'GET', service: 'case', auth: 'user', permission: 'correlation:read' } as const;

export const endpoints: readonly Endpoint[] = [
  {
    ...read,
    path: '/v1/correlation-rules',
    summary: 'The rules by which alerts are put into cases, now or at any past time',
    query: CorrelationRulesQuery,
    responses: { 200: CorrelationRulesView },
  },
  {
    ...read,
    path: '/v1/correlation-rules/history',
    summary: 'All versions of these rules, the latest first',
    query: CorrelationHistoryQuery,
    responses: { 200: paged(AdoptedCorrelationRules) },
  },
];
