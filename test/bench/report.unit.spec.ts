import { benchResult, median, numberArgument, printReport, quantile } from './report';

describe('the report of a bench', () => {
  it('is a ratio above 1 where ours is the better one, of what shall be low as well', () => {
    expect(benchResult('single', 'events/s', 3000.4, { 'raw-pg': 2000, emmett: 1000 })).toEqual({
      case: 'single',
      unit: 'events/s',
      ours: 3000,
      others: { 'raw-pg': 2000, emmett: 1000 },
      ratio: { 'raw-pg': 1.5, emmett: 3 },
    });
    expect(benchResult('single p99', 'ms', 1.2345, { 'raw-pg': 2.469 }, 'lower')).toEqual({
      case: 'single p99',
      unit: 'ms',
      ours: 1.23,
      others: { 'raw-pg': 2.47 },
      ratio: { 'raw-pg': 2 },
    });
  });

  it('ends with one line of JSON when asked for, and is a table for people otherwise', () => {
    let text = '';
    const write = jest.spyOn(process.stdout, 'write').mockImplementation((piece) => (text += String(piece)) !== '');
    const results = [benchResult('replay', 'events/s', 10, { 'raw-pg': 8, emmett: 4 })];
    try {
      printReport('replay', results, []);
      expect(text).toContain('ratio to emmett');
      expect(text).not.toContain('{');
      printReport('replay', results, ['--json']);
    } finally {
      write.mockRestore();
    }
    expect(JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')).toEqual({ bench: 'replay', results });
  });

  it('takes the middle of its rounds, and their tail', () => {
    expect(median([5, 1, 9])).toBe(5);
    expect(quantile([4, 3, 2, 1], 0.99)).toBe(4);
  });

  it('takes a number from its arguments', () => {
    expect(numberArgument(['--json', '--cases=12'], 'cases', 5)).toBe(12);
    expect(numberArgument(['--json'], 'cases', 5)).toBe(5);
  });
});
