import fc from 'fast-check';
import { FUZZ_TARGETS } from './targets';

/** A little of it at every change; `npm run fuzz -- TARGET --inputs 1000000` is the long form. */
const RUNS = 400;

describe('whatever is sent', () => {
  it.each(Object.entries(FUZZ_TARGETS))(
    '%s are read, or refused by a reason, and nothing breaks',
    async (_, target) => {
      await fc.assert(
        target.property(async (work) => work()),
        { numRuns: RUNS },
      );
    },
  );
});
