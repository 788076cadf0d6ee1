import type { Command } from 'commander';
import type { ServiceDefinition } from '#libs/service';
import { keysFolder } from '../keys-folder';
import { print, table } from '../output';
import { UsageProblem } from '../session';

export function migrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('Bring roles, ledger, bus, read models and (on Kafka) topics to this release; safe to repeat')
    .option('--database <url>', 'the owner’s login; MIGRATION_URL in the environment')
    .action(async ({ database }: { database?: string }, command: Command) => {
      const url = database ?? process.env['MIGRATION_URL'];
      if (!url) {
        throw new UsageProblem('Which database? Set MIGRATION_URL to the login of its owner, or use --database URL.');
      }
      // Loaded here, since it is the whole product: no other command should wait for it.
      const { migrate } = await import('#libs/local');
      const { definitions } = await import('../../../all-in-one/src/services.js');
      const profile = process.env['COUNTERSIGN_PROFILE'] || 'production';
      const migrated = await migrate({
        url,
        services: definitions,
        passwords: {
          app: process.env['COUNTERSIGN_APP_PASSWORD'] || undefined,
          archivist: process.env['COUNTERSIGN_ARCHIVIST_PASSWORD'] || undefined,
        },
        keysFolder: profile === 'production' ? undefined : keysFolder(),
      });
      await migrateTopics(url, definitions);
      print(command, migrated, () => {
        if (migrated.applied.length === 0) return 'The database is up to date.';
        return table(
          ['part', 'migration'],
          migrated.applied.map(({ part, name }) => [part, name]),
        );
      });
    });
}

/** Whether the rest is fit for production is for each service to say when it starts. */
async function migrateTopics(url: string, definitions: readonly ServiceDefinition[]): Promise<void> {
  const [first] = definitions;
  if (!first || process.env['COUNTERSIGN_BUS'] !== 'kafka') return;
  const { createTopics } = await import('#libs/bus');
  const { createLogger, loadConfig } = await import('#libs/service');
  const { settings } = loadConfig(first, { ...process.env, COUNTERSIGN_PROFILE: 'development', LEDGER_URL: url });
  if (settings.kafka) await createTopics(settings.kafka, {}, createLogger('silent'));
}
