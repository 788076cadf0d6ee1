import { BacklogAge } from './backlog-age';

describe('the age of a backlog', () => {
  it('is how long ago the first that still waits was seen', () => {
    const age = new BacklogAge();
    expect(age.seconds('alerts', 10, 10, 0)).toBe(0);
    expect(age.seconds('alerts', 15, 10, 1_000)).toBe(0);
    expect(age.seconds('alerts', 20, 10, 4_000)).toBe(3);
    expect(age.seconds('alerts', 20, 15, 6_000)).toBe(2);
    expect(age.seconds('alerts', 20, 20, 7_000)).toBe(0);
  });

  it('of one is not that of another', () => {
    const age = new BacklogAge();
    age.seconds('alerts', 5, 0, 0);
    expect(age.seconds('case', 5, 0, 9_000)).toBe(0);
    expect(age.seconds('alerts', 5, 0, 9_000)).toBe(9);
  });

  it('remembers the first look through any number of them', () => {
    const age = new BacklogAge();
    for (let look = 1; look <= 5_000; look += 1) age.seconds('alerts', look, 0, look * 1_000);
    expect(age.seconds('alerts', 5_001, 0, 5_001_000)).toBe(5_000);
  });
});
