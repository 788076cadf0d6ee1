import { access, constants, readFile } from 'node:fs/promises';
import { CheckpointSigned } from '#contracts/events/checkpoint';
import { UsageProblem } from './session';

/** A checkpoint that was kept elsewhere, as JSON; undefined for no file. */
export async function readWitness(file: string | undefined): Promise<CheckpointSigned | undefined> {
  if (file === undefined) return undefined;
  await demandReadable(file);
  const parsed = lastOf(await readFile(file, 'utf8'));
  const { Check } = await import('typebox/value');
  if (Check(CheckpointSigned, parsed)) return parsed;
  throw new UsageProblem(`The witness ${file} is not a signed checkpoint (JSON).`);
}

export async function demandReadable(file: string): Promise<void> {
  await access(file, constants.R_OK).catch(() => {
    throw new UsageProblem(`There is no readable file ${file}.`);
  });
}

/** A file that checkpoints are added to, a line each, speaks by the last whole one. */
function lastOf(text: string): unknown {
  const whole = parse(text);
  if (whole !== undefined) return whole;
  return text
    .split('\n')
    .map(parse)
    .findLast((line) => line !== undefined);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
