import { parseLogTime } from './log-time';

const receivedAt = Date.parse('2026-11-24T15:00:00Z');
const read = (text: string, at = receivedAt) => {
  const time = parseLogTime(text, at);
  return time === undefined ? undefined : new Date(time).toISOString();
};

describe('the times of logs', () => {
  it.each([
    ['2026-11-24T14:05:11.123456+01:00', '2026-11-24T13:05:11.123Z'],
    ['1795528800000', '2026-11-24T14:00:00.000Z'],
    ['Nov 24 14:05:11', '2026-11-24T14:05:11.000Z'],
    ['Nov  4 14:05:11.5', '2026-11-04T14:05:11.500Z'],
    ['*Nov 24 14:05:11.123 UTC', '2026-11-24T14:05:11.123Z'],
    ['Nov 24 2026 14:05:11', '2026-11-24T14:05:11.000Z'],
    ['2026 Nov 24 14:05:11', '2026-11-24T14:05:11.000Z'],
    ['Nov 24 14:05:11 2025', '2025-11-24T14:05:11.000Z'],
    ['Nov 24 2026 14:05:11.250 CET', '2026-11-24T13:05:11.250Z'],
    ['Nov 24 14:05:11 EST', '2026-11-24T19:05:11.000Z'],
    ['Nov 24 14:05:11 +0530', '2026-11-24T08:35:11.000Z'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each(['yesterday', 'Foo 24 14:05:11', 'Nov 24 14:05', 'Nov 24 14:05:11 XYZ', '', '24 Nov'])(
    '%s is none',
    (text) => {
      expect(read(text)).toBeUndefined();
    },
  );

  it('without a year belong to the one that comes closest', () => {
    expect(read('Dec 31 23:59:59', Date.parse('2027-01-01T00:00:05Z'))).toBe('2026-12-31T23:59:59.000Z');
    expect(read('Jan  1 00:00:10', Date.parse('2026-12-31T23:59:55Z'))).toBe('2027-01-01T00:00:10.000Z');
    expect(read('Nov 26 00:00:00')).toBe('2026-11-26T00:00:00.000Z');
    expect(read('Nov 27 00:00:00')).toBe('2025-11-27T00:00:00.000Z');
  });
});
