import { parseTime } from './alert-time';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAY_MS = 86_400_000;

/** A clock that is ahead by less than this belongs to this year and not to the last. Milliseconds. */
const AHEAD_MS = 2 * DAY_MS;

/** `Nov 24 14:05:11`, with a year before, between or behind, with fractions, with a zone. */
const WITH_MONTH_NAME =
  /^[*.]?(?:(\d{4}) )?([a-z]{3}) {1,2}(\d{1,2}),? (?:(\d{4}),? )?(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?: (\d{4}))?(?: ([a-z]{1,5}|[+-]\d\d:?\d\d))?$/i;

/** Hours east of Greenwich of the zones that devices write by name (RFC 5322, section 4.3, and those of Europe). */
const ZONES: Readonly<Record<string, number>> = {
  z: 0,
  ut: 0,
  utc: 0,
  gmt: 0,
  wet: 0,
  west: 1,
  bst: 1,
  cet: 1,
  cest: 2,
  eet: 2,
  eest: 3,
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
};

/**
 * The times that logs are written with, in milliseconds since the epoch: those of `parseTime`, and RFC 3164's
 * `Nov 24 14:05:11` with its variations. Without a zone it is UTC; without a year, the one that comes closest to
 * `receivedAt`. `undefined` for anything else.
 */
export function parseLogTime(text: string, receivedAt: number): number | undefined {
  const plain = parseTime(text.replace(/^[*.]/, ''));
  if (plain !== undefined) return plain;
  const match = WITH_MONTH_NAME.exec(text);
  if (match === null) return undefined;
  const [, before, name = '', day, between, hour, minute, second, fraction = '', behind, zone = 'Z'] = match;
  const month = MONTHS.indexOf(name.toLowerCase());
  const offsetMs = offsetOf(zone);
  if (month < 0 || offsetMs === undefined) return undefined;
  const at = (year: number): number => {
    const ms = Number(fraction.padEnd(3, '0').slice(0, 3));
    return Date.UTC(year, month, Number(day), Number(hour), Number(minute), Number(second), ms) - offsetMs;
  };
  const year = before ?? between ?? behind;
  const time = year === undefined ? withoutYear(at, receivedAt) : at(Number(year));
  return parseTime(new Date(time).toISOString());
}

function withoutYear(at: (year: number) => number, receivedAt: number): number {
  const next = new Date(receivedAt).getUTCFullYear() + 1;
  const years = [next, next - 1, next - 2];
  return years.map(at).find((time) => time <= receivedAt + AHEAD_MS) ?? at(next - 1);
}

/** Milliseconds; `undefined` for the name of a zone that is not known. */
function offsetOf(zone: string): number | undefined {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? [];
  if (sign !== undefined) return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  const key = zone.toLowerCase();
  return Object.hasOwn(ZONES, key) ? (ZONES[key] ?? 0) * 3_600_000 : undefined;
}
