import type { Observable } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import type { CaseVariable } from '#libs/cacao';

/** What is known of a case besides the alert at hand. */
export interface CaseFacts {
  readonly title: string;
  readonly severity: string;
  readonly rule: string;
}

type AlertEvent = CaseEvent & { readonly type: 'CaseOpened' | 'AlertGrouped' };
type Values = Readonly<Record<CaseVariable, string | null>>;

/** Titles come from outside and go into tickets and messages, which have limits of their own. */
const LONGEST_TITLE = 300;

/** The variables that a case gives to a run that an alert triggers; what the case does not have is null. */
export function caseVariables(event: AlertEvent, facts: CaseFacts): Values {
  const { data } = event;
  const all = data.observables;
  const ips = ofType(all, 'ip');
  const sourceIp = ips.find(({ name }) => /src|source|client|attacker/i.test(name)) ?? ips[0];
  const destinationIp = ips.find(({ name }) => /dst|dest|target|server/i.test(name));
  const maliciousIp = worst(ips);
  return {
    __case_id__: data.caseId,
    __case_title__: facts.title.slice(0, LONGEST_TITLE),
    __case_severity__: facts.severity,
    __case_rule__: facts.rule,
    __alert_id__: data.alertId,
    __alert_title__: data.alertTitle.slice(0, LONGEST_TITLE),
    __alert_severity__: data.alertSeverity,
    __alert_source__: data.source,
    __alert_time__: data.alertTime,
    __verdict__: data.verdict,
    __score__: String(data.score),
    __attack__: data.attack.length > 0 ? data.attack.join(', ') : null,
    __source_ip__: sourceIp?.value ?? null,
    __source_ip_type__: addressType(sourceIp),
    __destination_ip__: destinationIp?.value ?? null,
    __malicious_ip__: maliciousIp?.value ?? null,
    __malicious_ip_type__: addressType(maliciousIp),
    __malicious_domain__: worst(ofType(all, 'domain'))?.value ?? null,
    __malicious_url__: worst(ofType(all, 'url'))?.value ?? null,
    __malicious_hash__: worst(ofType(all, 'hash'))?.value ?? null,
    __user__: first(all, 'username'),
    __email__: first(all, 'email'),
    __host__: first(all, 'hostname'),
    __domain__: first(all, 'domain'),
    __url__: first(all, 'url'),
    __file_hash__: first(all, 'hash'),
  };
}

const ofType = (observables: readonly Observable[], type: Observable['type']): Observable[] =>
  observables.filter((observable) => observable.type === type);

const first = (observables: readonly Observable[], type: Observable['type']): string | null =>
  ofType(observables, type)[0]?.value ?? null;

/** Of the malicious ones that with the highest score; of equals the first. */
function worst(observables: readonly Observable[]): Observable | undefined {
  return observables
    .filter(({ verdict }) => verdict === 'malicious')
    .reduce<Observable | undefined>(
      (best, next) => (best === undefined || next.score > best.score ? next : best),
      undefined,
    );
}

const addressType = (observable: Observable | undefined): string | null => {
  if (observable === undefined) return null;
  return observable.value.includes(':') ? 'ipv6-addr' : 'ipv4-addr';
};
