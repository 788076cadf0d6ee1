import type { Verdict } from '#contracts/alert';
import type { Indicator } from './indicator';

export type ListKind = 'warninglist' | 'verdicts';

/** What one list says of one value. */
export interface ListMatch {
  /** The list's name: its file below the folder of data sets. */
  readonly list: string;
  readonly kind: ListKind;
  /** The entry that matched, as the list has it. */
  readonly entry: string;
  readonly verdict: Verdict;
  /** 0 to 100. */
  readonly score: number;
  readonly comment?: string;
}

/** A list that values are looked up in, whatever its file looks like. */
export interface LocalList {
  readonly name: string;
  readonly kind: ListKind;
  readonly entries: number;
  match(indicator: Indicator): ListMatch | undefined;
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly score: number;
  readonly matches: readonly ListMatch[];
}

const RANKS: Readonly<Record<Verdict, number>> = { benign: 0, unknown: 1, suspicious: 2, malicious: 3 };

/**
 * What all lists together say of a value.
 *
 * Verdicts of people (CSV) count: the worst of them, with its highest score. A warning list says no more than that an
 * indicator often is a false alarm: where no list has a verdict it makes the value benign, and it never takes a verdict
 * back, for an attacker may well sit in a cloud's address range.
 */
export function judge(indicator: Indicator, lists: Iterable<LocalList>): Judgement {
  const matches: ListMatch[] = [];
  for (const list of lists) {
    const match = list.match(indicator);
    if (match !== undefined) matches.push(match);
  }
  const verdicts = matches.filter(({ kind }) => kind === 'verdicts');
  const { verdict, score } = worst(verdicts.length > 0 ? verdicts : matches);
  return { verdict, score, matches };
}

/** The worst verdict of all, and the highest score that comes with it; `unknown` and 0 of nothing. */
export function worst(judged: readonly Pick<Judgement, 'verdict' | 'score'>[]): Pick<Judgement, 'verdict' | 'score'> {
  const [first, ...others] = judged;
  if (first === undefined) return { verdict: 'unknown', score: 0 };
  let { verdict, score } = first;
  for (const next of others) {
    const difference = RANKS[next.verdict] - RANKS[verdict];
    if (difference > 0 || (difference === 0 && next.score > score)) ({ verdict, score } = next);
  }
  return { verdict, score };
}
