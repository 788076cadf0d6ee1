import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** One of those who are measured in a run. */
export interface Competitor<Measured> {
  readonly name: string;
  run(): Promise<Measured>;
}

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

/**
 * Runs every competitor once a round, each round beginning with another one: what else the machine does meets all of
 * them. Nobody pays for the garbage of the one before. The measurements by name, in order of rounds.
 */
export async function inRounds<Measured>(
  label: string,
  rounds: number,
  competitors: readonly Competitor<Measured>[],
  before: () => Promise<void> = async () => undefined,
): Promise<Map<string, Measured[]>> {
  const measured = new Map<string, Measured[]>(competitors.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const first = round % competitors.length;
    await before();
    for (const { name, run } of [...competitors.slice(first), ...competitors.slice(0, first)]) {
      if (typeof collectGarbage === 'function') collectGarbage();
      measured.get(name)?.push(await run());
    }
    process.stderr.write(`${label}: round ${round + 1} of ${rounds}\n`);
  }
  return measured;
}
