import type { AlertEnriched, Observable } from '#contracts/alert';
import type { CorrelationKey } from '#contracts/correlation-rules';
import { normal } from './alert-condition';
import { titleOfAlert } from './alert-title';
import { severityOfFinding } from './severity';

/** The values of `keys` as one text; undefined when the alert does not have all of them. Holds personal data. */
export function keyOf(keys: readonly CorrelationKey[], alert: AlertEnriched): string | undefined {
  const values = keys.map((key) => [key, valueOf(key, alert)] as const);
  return values.every(([, value]) => value !== undefined) ? JSON.stringify(values) : undefined;
}

/** For alerts that have none of the rules' keys: source, title and the first entity named. */
export function fallbackKeyOf(alert: AlertEnriched): string {
  return JSON.stringify([alert.sourceId, normal(titleOfAlert(alert)), entity(alert, () => true) ?? null]);
}

/**
 * The same for alerts that tell a reader the same: of one source, as grave, with a title that differs in digits alone.
 * A scanner that writes a port or a count into each title has 65,535 of them.
 */
export function likenessOf(alert: AlertEnriched): string {
  const title = normal(titleOfAlert(alert)).replace(/\d+/g, '0');
  return JSON.stringify([alert.sourceId, severityOfFinding(alert.finding), title]);
}

export function valueOf(key: CorrelationKey, alert: AlertEnriched): string | undefined {
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
