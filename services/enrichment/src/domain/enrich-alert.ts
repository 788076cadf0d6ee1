import type { AlertEnriched, AlertReceived, Observable } from '#contracts/alert';
import { isJsonObject, type JsonValue } from '#libs/kernel';
import { typeIdOf } from './indicator';
import { judge, worst, type LocalList } from './local-list';
import { observablesOf, parsedOriginal } from './observable-extraction';

const MOST_LISTS = 50;

/** An alert with its observables, and what the local lists say of each and of the worst. */
export function enrichAlert(alert: AlertReceived, lists: readonly LocalList[]): AlertEnriched {
  const finding: JsonValue = alert.finding;
  const found = isJsonObject(finding) ? observablesOf(finding, parsedOriginal(alert.original)) : [];
  const observables = found.map((indicator): Observable => {
    const { verdict, score, matches } = judge(indicator, lists);
    return {
      type_id: typeIdOf(indicator.type),
      type: indicator.type,
      value: indicator.value,
      name: indicator.name,
      verdict,
      score,
      lists: matches.slice(0, MOST_LISTS).map(({ list }) => list),
    };
  });
  return { ...alert, observables, ...worst(observables) };
}

/** The alert as it is, where enriching it failed: an alert without observables is worth more than none. */
export function notEnriched(alert: AlertReceived): AlertEnriched {
  return { ...alert, observables: [], verdict: 'unknown', score: 0 };
}
