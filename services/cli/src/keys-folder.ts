import { join, resolve } from 'node:path';

/** The folder of keys of this machine's installation, by the variables that its services read. */
export const keysFolder = (): string =>
  resolve(process.env['COUNTERSIGN_KEYS_DIR'] || join(process.env['COUNTERSIGN_DATA'] || '.countersign', 'keys'));
