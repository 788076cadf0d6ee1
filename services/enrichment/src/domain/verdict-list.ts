import { VERDICTS, type Verdict } from '#contracts/alert';
import { DomainError } from '#libs/kernel';
import { AddressRanges } from './address-ranges';
import { indicatorOf, type Indicator } from './indicator';
import type { ListMatch, LocalList } from './local-list';
import { refang } from './refang';

/** One row of a CSV of verdicts, by the names of its header. */
export type VerdictRow = Readonly<Record<string, string>>;

export const VERDICT_COLUMNS = ['indicator', 'verdict', 'score', 'comment'] as const;
const SCORES: Readonly<Record<Verdict, number>> = { malicious: 90, suspicious: 50, unknown: 0, benign: 0 };

/**
 * A list of verdicts: `indicator,verdict,score,comment`. An indicator is an address, a range, a domain (`*.` before it:
 * every name below), a URL, a hash, an e-mail address, or the name of a machine or an account; defanged or not.
 *
 * @param rows with the number of the line each began on.
 * @throws DomainError('invalid_field') naming line, column and reason.
 */
export function verdictList(name: string, rows: readonly { line: number; row: VerdictRow }[]): LocalList {
  const exact = new Map<string, ListMatch>();
  const below = new Map<string, ListMatch>();
  const ranges = new AddressRanges<ListMatch>();
  for (const { line, row } of rows) {
    const match = matchOf(name, line, row);
    const indicator = refang(match.entry);
    if (indicator.startsWith('*.')) keepWorst(below, nameOf(indicator.slice(2), line), match);
    else if (!(indicator.includes('/') && ranges.add(indicator, match))) {
      keepWorst(exact, (indicatorOf(indicator)?.value ?? indicator).toLowerCase(), match);
    }
  }
  return {
    name,
    kind: 'verdicts',
    entries: rows.length,
    match(indicator) {
      return (
        exact.get(indicator.value.toLowerCase()) ??
        (indicator.type === 'ip' ? ranges.find(indicator.value) : undefined) ??
        matchBelow(below, indicator)
      );
    },
  };
}

function matchOf(list: string, line: number, row: VerdictRow): ListMatch {
  const wrong = (column: string, reason: string): DomainError =>
    new DomainError('invalid_field', { field: `line ${line}: ${column}`, reason });
  const entry = row.indicator?.trim() ?? '';
  if (entry === '') throw wrong('indicator', 'is missing.');
  const verdict = VERDICTS.find((known) => known === row.verdict?.trim().toLowerCase());
  if (verdict === undefined) throw wrong('verdict', `'${row.verdict ?? ''}' is none of ${VERDICTS.join(', ')}.`);
  const given = row.score?.trim() ?? '';
  const score = given === '' ? SCORES[verdict] : Number(given);
  if (!Number.isInteger(score) || score < 0 || score > 100) {
    throw wrong('score', `'${given}' is no whole number from 0 to 100.`);
  }
  const comment = row.comment?.trim();
  return { list, kind: 'verdicts', entry, verdict, score, ...(comment !== undefined && comment !== '' && { comment }) };
}

function nameOf(text: string, line: number): string {
  const indicator = indicatorOf(text);
  if (indicator?.type === 'domain') return indicator.value;
  throw new DomainError('invalid_field', { field: `line ${line}: indicator`, reason: `'*.${text}' is no domain.` });
}

/** The same indicator twice: the row with the higher score stands. */
function keepWorst(matches: Map<string, ListMatch>, key: string, match: ListMatch): void {
  const known = matches.get(key);
  if (known === undefined || match.score > known.score) matches.set(key, match);
}

function matchBelow(below: ReadonlyMap<string, ListMatch>, { type, value }: Indicator): ListMatch | undefined {
  if (below.size === 0 || (type !== 'domain' && type !== 'hostname')) return undefined;
  for (let dot = value.indexOf('.'); dot >= 0; dot = value.indexOf('.', dot + 1)) {
    const match = below.get(value.slice(dot + 1));
    if (match !== undefined) return match;
  }
  return undefined;
}
