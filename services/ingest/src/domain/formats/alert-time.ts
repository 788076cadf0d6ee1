const EARLIEST = Date.UTC(1990, 0, 1);
const LATEST = Date.UTC(2100, 0, 1);

const CALENDAR = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s*(Z|\(?UTC\)?|[+-]\d\d:?(?:\d\d)?)?$/i;
const NUMERIC = /^\d{9,19}(?:\.\d+)?$/;

/**
 * The forms of time that SIEMs really send, in milliseconds since the epoch: RFC 3339 and its neighbours (a space for
 * the T, an offset without colon, `(UTC)`, more than three decimals; no offset means UTC), and a count since 1970 in seconds,
 * milliseconds, microseconds or nanoseconds. `undefined` for anything else and for years outside 1990 to 2099.
 */
export function parseTime(text: string): number | undefined {
  const time = NUMERIC.test(text) ? fromCount(Number(text)) : fromCalendar(text);
  if (time === undefined || !(time >= EARLIEST && time < LATEST)) return undefined;
  return time;
}

function fromCount(count: number): number {
  if (count < 1e11) return Math.round(count * 1000);
  if (count < 1e14) return Math.round(count);
  return Math.floor(count < 1e17 ? count / 1000 : count / 1_000_000);
}

function fromCalendar(text: string): number | undefined {
  const match = CALENDAR.exec(text.trim());
  if (match === null) return undefined;
  const [, date, clock, decimals = '', zone = 'Z'] = match;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  const offset = /^(?:Z|\(?UTC\)?)$/i.test(zone) ? 'Z' : `${zone.charAt(0)}${digits.slice(0, 2)}:${digits.slice(2)}`;
  const time = Date.parse(`${date}T${clock}.${decimals.padEnd(3, '0').slice(0, 3)}${offset}`);
  return Number.isNaN(time) ? undefined : time;
}
