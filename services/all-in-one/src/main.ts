import { join } from 'node:path';
import { runLaunched } from './run-launched';
import { startAllInOne } from './start-all-in-one';

/** At a terminal the log goes to a file: who looks on wants to see what there is to do, not what goes on. */
const quiet = process.stderr.isTTY;

void runLaunched(
  (progress) => startAllInOne({ progress, quiet }),
  ({ gatewayUrl, dataFolder }) =>
    [
      `Countersign is up: ${gatewayUrl}  (API documentation: ${gatewayUrl}/docs)`,
      `data: ${dataFolder}${quiet ? `, log: ${join(dataFolder, 'logs', 'all-in-one.log')}` : ''}`,
      'Ctrl-C stops it.',
    ].join('\n'),
);
