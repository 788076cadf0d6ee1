import { remembering } from './remembering';

describe('a function that remembers', () => {
  const asked: string[] = [];
  const length = remembering(
    (text) => {
      asked.push(text);
      return text === '' ? undefined : text.length;
    },
    { most: 3, longest: 5 },
  );
  beforeEach(() => asked.splice(0));

  it('asks once for each text, also where there is no answer', () => {
    expect(['a', 'a', '', ''].map(length)).toEqual([1, 1, undefined, undefined]);
    expect(asked).toEqual(['a', '']);
  });

  it('keeps no long text, and no more than so many', () => {
    expect(['longer', 'longer', 'b', 'c', 'd', 'b'].map(length)).toEqual([6, 6, 1, 1, 1, 1]);
    expect(asked).toEqual(['longer', 'longer', 'b', 'c', 'd', 'b']);
  });
});
