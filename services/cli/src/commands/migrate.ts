import { resolve } from 'node:path';
import type { Command } from 'commander';
import { migrate } from '#libs/local';
import { definitions } from '../../../all-in-one/src/services';
import { print, table } from '../output';
import { UsageProblem } from '../session';

export function migrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('Bring roles, ledger, bus and all read models of a database to this release; safe to repeat')
    .option('--database <url>', 'the owner’s login; MIGRATION_URL in the environment')
    .action(async ({ database }: { database?: string }, command: Command) => {
      const url = database ?? process.env['MIGRATION_URL'];
      if (!url) {
        throw new UsageProblem('Which database? Set MIGRATION_URL to the login of its owner, or use --database URL.');
      }
      const profile = process.env['COUNTERSIGN_PROFILE'] || 'production';
      const data = process.env['COUNTERSIGN_DATA'] || '.countersign';
      const keys = resolve(process.env['COUNTERSIGN_KEYS_DIR'] || `${data}/keys`);
      const migrated = await migrate({
        url,
        services: definitions,
        keysFolder: profile === 'production' ? undefined : keys,
      });
      print(command, migrated, () => {
        if (migrated.applied.length === 0) return 'The database is up to date.';
        return table(
          ['part', 'migration'],
          migrated.applied.map(({ part, name }) => [part, name]),
        );
      });
    });
}
