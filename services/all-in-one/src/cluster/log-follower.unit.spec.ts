import { warningIn } from './log-follower';

describe('what the launcher shows of a log', () => {
  it('is the message of a warning or an error, with its cause', () => {
    expect(warningIn('{"level":"warn","msg":"the bus is slow"}')).toBe('the bus is slow');
    expect(warningIn('{"level":"error","msg":"stopping failed","err":{"message":"timeout"}}')).toBe(
      'stopping failed: timeout',
    );
  });

  it('is nothing of what goes well', () => {
    expect(warningIn('{"level":"info","msg":"started"}')).toBeUndefined();
    expect(warningIn('')).toBeUndefined();
  });

  it('is the whole line when it is none of ours: a crash of Node', () => {
    expect(warningIn('RangeError: Maximum call stack size exceeded')).toBe(
      'RangeError: Maximum call stack size exceeded',
    );
  });
});
