import { isCheckpointDue } from './checkpoint-schedule';
import { categoryOfStream } from './stream-category';

const schedule = { everyEvents: 100, everyMs: 10_000, idleMs: 2_000 };
const uncovered = { events: 1, sinceCheckpointMs: 0, sinceLastEventMs: 0 };

describe('a checkpoint is due', () => {
  it('after so many events, so much time, or when nothing more comes', () => {
    expect(isCheckpointDue(schedule, uncovered)).toBe(false);
    expect(isCheckpointDue(schedule, { ...uncovered, events: 100 })).toBe(true);
    expect(isCheckpointDue(schedule, { ...uncovered, sinceCheckpointMs: 10_000 })).toBe(true);
    expect(isCheckpointDue(schedule, { ...uncovered, sinceLastEventMs: 2_000 })).toBe(true);
  });

  it('never for the checkpoints alone: they would go on for ever', () => {
    expect(isCheckpointDue(schedule, { events: 0, sinceCheckpointMs: Infinity, sinceLastEventMs: Infinity })).toBe(
      false,
    );
  });
});

describe('the category of a stream', () => {
  it('stands at the beginning of its name', () => {
    expect(categoryOfStream('case-0198c0de')).toBe('case');
    expect(categoryOfStream('connection-manifest-http')).toBe('connection');
    expect(categoryOfStream('checkpoint-log')).toBe('checkpoint');
    expect(categoryOfStream('shoes-1')).toBeUndefined();
  });
});
