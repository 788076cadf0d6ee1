import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { RebuildProgress, RebuildReport, TableDifference } from '#libs/read-model';
import type { ServiceDefinition } from '#libs/service';
import { keysFolder } from '../keys-folder';
import { print, printable, section, table, when } from '../output';
import { globalsOf, UsageProblem } from '../session';

const REBUILD_HELP = `
The rows are made anew from the first event of the ledger, beside the old ones, while the services go on serving and
following; then both are compared as of the same event, and the new ones take the place of the old. It runs with the
login of the database's owner, since tables are made and replaced. Killed at any moment, it leaves either the old rows
or the new ones, whole. It schedules no job and fires nothing. Use the release that the services run.
`;

export const DATABASE_HELP =
  'the owner’s login; MIGRATION_URL in the environment, or the database that runs on the data folder';

/** Milliseconds between lines of progress. */
const EVERY_MS = 1_000;

interface Where {
  readonly database?: string;
}

export function projectionsCommand(program: Command): void {
  const projections = program.command('projections').description('See how far the read models are, and rebuild them');
  projections
    .command('list')
    .description('Each read model, how far it is behind the ledger, and what its last rebuild showed')
    .option('--database <url>', DATABASE_HELP)
    .action(async (where: Where, command: Command) => {
      const { local, definitions, databases } = await product(where);
      const items = await local.listProjections(databases, definitions);
      const rows = items.map(({ service, projection, position, lag, movedAt, lastRebuild }) => [
        ...[service, projection, position, lag, when(movedAt)],
        lastRebuild ? `${when(lastRebuild.endedAt)} ${verdictOf(lastRebuild.report)}` : undefined,
      ]);
      print(command, { items }, () =>
        table(['service', 'projection', 'position', 'behind', 'moved at', 'last rebuild'], rows),
      );
    });
  projections
    .command('rebuild')
    .argument('<service>', 'for example case')
    .argument('[projection]', 'one of `projections list`; all of the service’s without it')
    .description('Make a read model anew from the ledger while everything runs, and show what was different')
    .option('--dry-run', 'compare only: the old rows stay; exit code 1 when they differ')
    .option('--database <url>', DATABASE_HELP)
    .addHelpText('after', REBUILD_HELP)
    .action(async (service: string, projection: string | undefined, options: Where & Mode, command: Command) => {
      const { local, definitions, databases } = await product(options);
      const definition = definitions.find(({ name }) => name === service);
      if (!definition) throw new UsageProblem(`Which service? ${definitions.map(({ name }) => name).join(', ')}`);
      const names = projection === undefined ? local.rebuildable(definition) : [projection];
      const reports: RebuildReport[] = [];
      for (const name of names) {
        reports.push(
          await local.rebuildReadModel({
            ...databases,
            service: definition,
            projection: name,
            personalKeysFile: personalKeysFile(),
            dryRun: options.dryRun,
            onProgress: progressLines(globalsOf(command).json === true),
          }),
        );
      }
      print(
        command,
        { service, reports },
        () => reports.map(describe).join('\n') || `${service} keeps no read models.`,
      );
      if (options.dryRun && reports.some(({ equal }) => !equal)) process.exitCode = 1;
    });
}

interface Mode {
  readonly dryRun?: boolean;
}

/** Where the services of this machine have it, by the same variables. */
export function personalKeysFile(): string {
  return resolve(process.env['COUNTERSIGN_PERSONAL_KEYS_FILE'] || join(keysFolder(), 'personal-data.json'));
}

async function product(where: Where): Promise<Product> {
  const found = await findProduct(where);
  if (found) return found;
  const root = process.env['COUNTERSIGN_DATA'] || '.countersign';
  throw new UsageProblem(
    `Which database? None runs on ${resolve(root)}. Set MIGRATION_URL to the login of its owner, or use --database URL.`,
  );
}

type Product = NonNullable<Awaited<ReturnType<typeof findProduct>>>;

/** Loaded here, since it is the whole product: no other command should wait for it. Undefined without a database. */
export async function findProduct({ database }: Where) {
  const local = await import('#libs/local');
  const folder = local.dataFolder(process.env['COUNTERSIGN_DATA'] || '.countersign');
  const url = database ?? (process.env['MIGRATION_URL'] || local.runningDatabaseUrl(folder));
  if (!url) return undefined;
  const { variablePrefix } = await import('#libs/service');
  const { definitions } = await import('../../../all-in-one/src/services.js');
  const ownUrls = (name: ServiceDefinition['name']) => process.env[`${variablePrefix(name)}_MIGRATION_URL`];
  const databaseUrls = Object.fromEntries(
    definitions.flatMap(({ name }) => {
      const own = ownUrls(name);
      return own ? [[name, own]] : [];
    }),
  );
  const archiveFolder = process.env['LEDGER_ARCHIVE'] || undefined;
  return { local, definitions, databases: { url, databaseUrls, archiveFolder } };
}

/** On standard error, so that standard output is the result alone. */
export function progressLines(asJson: boolean): (progress: RebuildProgress) => void {
  let last: { phase: string; at: number } | undefined;
  return (progress) => {
    const now = performance.now();
    if (last?.phase === progress.phase && now - last.at < EVERY_MS) return;
    last = { phase: progress.phase, at: now };
    process.stderr.write(`${asJson ? JSON.stringify(progress) : printable(line(progress))}\n`);
  };
}

function line({ projection, phase, events, total, percent, eventsPerSecond, secondsLeft }: RebuildProgress): string {
  const counted = `${events} of ${total} events (${Math.floor(percent)} %)`;
  if (phase !== 'copying' || secondsLeft === undefined) return `${projection}: ${phase}, ${counted}`;
  const end = new Date(Date.now() + secondsLeft * 1000).toISOString();
  return `${projection}: ${phase}, ${counted}, ${Math.round(eventsPerSecond)} events/s, done at ${when(end)} (in ${Math.ceil(secondsLeft)} s)`;
}

function verdictOf({ outcome, equal }: RebuildReport): string {
  if (equal) return outcome === 'replaced' ? 'replaced by equal rows' : 'equal';
  return outcome === 'replaced' ? 'differed, mended' : 'differs';
}

function describe(report: RebuildReport): string {
  const { projection, events, seconds, tables } = report;
  const rows = tables.map(({ table: name, rows: { before, after }, onlyBefore, onlyAfter, changed }) => [
    ...[name, before, after, onlyBefore, onlyAfter, changed],
  ]);
  const head = `${projection}: ${verdictOf(report)} (${events} events in ${seconds} s)`;
  const counts = section('Rows', table(['table', 'before', 'after', 'only before', 'only after', 'changed'], rows));
  return [head, counts, ...tables.filter(({ examples }) => examples.length > 0).map(examplesOf)].join('\n');
}

function examplesOf({ table: name, examples }: TableDifference): string {
  const rows = examples.map(({ kind, key, columns }) => [kind, ...[Object.values(key).join(' '), columns?.join(', ')]]);
  return section(`For example in ${name}`, table(['row', 'key', 'columns that differ'], rows));
}
