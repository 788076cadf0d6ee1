import { RE2JS } from '@bufbuild/re2';
import ipaddr from 'ipaddr.js';
import { type AlertEnriched, type Observable, VERDICTS } from '#contracts/alert';
import type { AlertCondition } from '#contracts/correlation-rules';
import { titleOfAlert } from './alert-title';
import { severityOfFinding, severityRank } from './severity';

export type Holds = (alert: AlertEnriched) => boolean;
type ObservableCondition = NonNullable<AlertCondition['observable']>;

/** A condition that cannot be one, at `field` within it. */
export class ConditionProblem extends Error {
  override readonly name = 'ConditionProblem';
  constructor(
    readonly field: string,
    readonly reason: string,
  ) {
    super(`${field} ${reason}`);
  }
}

/** What a condition says, ready for many alerts. Throws ConditionProblem. */
export function compileCondition(condition: AlertCondition): Holds {
  const { severityAtLeast, severityAtMost, source, format, title, attack, observable } = condition;
  const parts: Holds[] = [];
  if (severityAtLeast !== undefined) parts.push((alert) => rankOf(alert) >= severityRank(severityAtLeast));
  if (severityAtMost !== undefined) parts.push((alert) => rankOf(alert) <= severityRank(severityAtMost));
  if (source !== undefined) parts.push(isIn(listOf(source), (alert) => alert.source));
  if (format !== undefined) parts.push(isIn(listOf(format), (alert) => alert.format));
  if (title !== undefined) parts.push(titleFits(title));
  if (attack !== undefined) parts.push(hasTechnique(listOf(attack)));
  if (observable !== undefined) parts.push(hasObservable(observable));
  return (alert) => parts.every((holds) => holds(alert));
}

const rankOf = ({ finding }: AlertEnriched): number => severityRank(severityOfFinding(finding));

function isIn(values: readonly string[], read: (alert: AlertEnriched) => string): Holds {
  const known = new Set(values);
  return (alert) => known.has(read(alert));
}

/** RE2 takes time in proportion to the title, whatever the expression: no rule can stop the intake. */
function titleFits(expression: string): Holds {
  let compiled: RE2JS;
  try {
    compiled = new RE2JS(expression);
  } catch (error) {
    throw new ConditionProblem('title', `is no expression of RE2: ${error instanceof Error ? error.message : ''}`);
  }
  return (alert) => compiled.test(titleOfAlert(alert));
}

function hasTechnique(wanted: readonly string[]): Holds {
  return ({ attack }) => attack.some((id) => wanted.some((one) => id === one || id.startsWith(`${one}.`)));
}

function hasObservable({ type, value, in: ranges, verdictAtLeast }: ObservableCondition): Holds {
  const parts: ((observable: Observable) => boolean)[] = [];
  if (type !== undefined) parts.push((one) => one.type === type);
  if (value !== undefined) {
    const values = new Set(listOf(value).map(normal));
    parts.push((one) => values.has(normal(one.value)));
  }
  if (ranges !== undefined) parts.push(isAddressIn(listOf(ranges)));
  if (verdictAtLeast !== undefined) {
    const least = VERDICTS.indexOf(verdictAtLeast);
    parts.push(({ verdict }) => VERDICTS.indexOf(verdict) >= least);
  }
  return ({ observables }) => observables.some((one) => parts.every((holds) => holds(one)));
}

function isAddressIn(texts: readonly string[]): (observable: Observable) => boolean {
  const ranges = texts.map(rangeOf);
  return ({ type, value }) => {
    if (type !== 'ip' || !ipaddr.isValid(value)) return false;
    const address = ipaddr.process(value);
    return ranges.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits));
  };
}

function rangeOf(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  if (ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)) {
    const address = ipaddr.process(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  }
  throw new ConditionProblem('observable.in', `holds '${text}', which is no address and no range like 10.0.0.0/8`);
}

const listOf = <T>(one: T | readonly T[]): readonly T[] => (Array.isArray(one) ? (one as readonly T[]) : [one as T]);

export const normal = (text: string): string => text.trim().toLowerCase();
