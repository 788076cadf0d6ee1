import { createColors, isColorSupported } from 'picocolors';

/** At a terminal only: picocolors alone also colours a pipe where the environment says CI. */
export const colours = createColors(isColorSupported && Boolean(process.stdout.isTTY));
