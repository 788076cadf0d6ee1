import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository, whatever folder the command was called from. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What went wrong and what to do, for a reader who needs no stack. */
export class Refusal extends Error {}
