import type { Command } from 'commander';
import { print, table, when } from '../output';
import { globalsOf, UsageProblem } from '../session';

const ARCHIVE_HELP = `
Alerts, runs and actions lie on shelves, one for each month in which they began. Of a shelf that is old enough, what is no
longer appended to is written to a gzip file of the export's lines, which is read again and compared with the database; then
the shelf is dropped in one step. What is still alive goes along to the shelf of now. Hashes, checkpoints and proofs stay as they
are, and whoever reads with LEDGER_ARCHIVE set to the folder sees archives and database as one. Keep the files: they are the
only copy. Killed at any moment, 'run' can be run again.
`;

const DATABASE_HELP =
  'the archivist’s login; ARCHIVE_URL in the environment, or the database that runs on the data folder';
const FOLDER_HELP = 'the folder of the archives; LEDGER_ARCHIVE in the environment';
const KEEP_HELP = 'for how long history stays in the database: 400d, 13mo, 2y';
const DEFAULT_KEEP = '400d';
const DAYS: Readonly<Record<string, number>> = { d: 1, mo: 31, y: 366 };
const LEAST_DAYS = 30;

interface Where {
  readonly database?: string;
}
interface Kept extends Where {
  readonly keep: string;
}
interface InFolder {
  readonly dir?: string;
}

export function archiveCommand(program: Command): void {
  const archive = program.command('archive').description('Archive old history of the ledger');
  archive.addHelpText('after', ARCHIVE_HELP);
  archive
    .command('plan')
    .description('Each shelf, and whether it can be archived')
    .option('--keep <time>', KEEP_HELP, DEFAULT_KEEP)
    .option('--database <url>', DATABASE_HELP)
    .action(async ({ keep, ...where }: Kept, command: Command) => {
      const { local, url } = await archivist(where);
      const items = await local.planArchive({ url, keepDays: daysOf(keep) });
      const rows = items.map(({ category, shelf, isReady, reason }) => [
        category,
        shelf,
        isReady ? 'yes' : 'no',
        reason,
      ]);
      print(command, { items }, () => table(['category', 'shelf', 'ready', 'why not'], rows));
    });
  archive
    .command('run')
    .description('Write every shelf that is old enough to a file, verify it there, and drop it')
    .option('--dir <folder>', FOLDER_HELP)
    .option('--keep <time>', KEEP_HELP, DEFAULT_KEEP)
    .option('--database <url>', DATABASE_HELP)
    .addHelpText('after', ARCHIVE_HELP)
    .action(async ({ keep, dir, ...where }: Kept & InFolder, command: Command) => {
      const { local, url } = await archivist(where);
      const isJson = globalsOf(command).json === true;
      const items = await local.runArchive({
        url,
        keepDays: daysOf(keep),
        folder: folderOf(dir),
        onStep: ({ category, shelf }, step) => {
          if (!isJson) process.stderr.write(`${category}-${shelf}: ${step}\n`);
        },
      });
      const rows = items.map(({ category, shelf, events, carried, file, pauseMs }) => [
        ...[category, shelf, events, carried, file, Math.ceil(pauseMs)],
      ]);
      print(command, { items }, () =>
        items.length === 0
          ? 'Nothing is old enough.'
          : table(['category', 'shelf', 'archived', 'carried over', 'file', 'pause ms'], rows),
      );
    });
  archive
    .command('list')
    .description('What has been archived')
    .option('--database <url>', DATABASE_HELP)
    .action(async (where: Where, command: Command) => {
      const { local, url } = await archivist(where);
      const items = await local.archivesOf({ url });
      const rows = items.map(({ file, events, archivedAt, sha256 }) => [file, events, when(archivedAt), sha256]);
      print(command, { items }, () => table(['file', 'events', 'archived', 'sha256'], rows));
    });
  archive
    .command('verify')
    .description(
      'Read every archive, and compare it with what the ledger knows of it; exit code 1 when one is not whole',
    )
    .option('--dir <folder>', FOLDER_HELP)
    .option('--database <url>', DATABASE_HELP)
    .action(async ({ dir, ...where }: Where & InFolder, command: Command) => {
      const { local, url } = await archivist(where);
      const items = await local.verifyArchives({ url, folder: folderOf(dir) });
      const rows = items.map(({ file, events, problem }) => [file, events, problem ?? 'whole']);
      print(command, { items }, () => table(['file', 'events', 'is'], rows));
      if (items.some(({ problem }) => problem !== null)) process.exitCode = 1;
    });
}

async function archivist({ database }: Where) {
  // Loaded here, since no other command should wait for it.
  const local = await import('#libs/local');
  const folder = local.dataFolder(process.env['COUNTERSIGN_DATA'] || '.countersign');
  const url = database ?? (process.env['ARCHIVE_URL'] || local.runningDatabaseUrl(folder, 'archivist'));
  if (url) return { local, url };
  throw new UsageProblem(
    `Which database? None runs on ${folder.root}. Set ARCHIVE_URL to the login of countersign_archivist, or use --database URL.`,
  );
}

function folderOf(dir: string | undefined): string {
  const folder = dir ?? process.env['LEDGER_ARCHIVE'];
  if (folder) return folder;
  throw new UsageProblem('Where are the archives? Set LEDGER_ARCHIVE to their folder, or use --dir FOLDER.');
}

function daysOf(keep: string): number {
  const [, count, unit = ''] = /^(\d{1,5})(d|mo|y)$/.exec(keep) ?? [];
  const days = Number(count) * (DAYS[unit] ?? NaN);
  if (days >= LEAST_DAYS) return days;
  throw new UsageProblem(
    `--keep '${keep}' is no time such as 400d, 13mo or 2y, or is shorter than ${LEAST_DAYS} days.`,
  );
}
