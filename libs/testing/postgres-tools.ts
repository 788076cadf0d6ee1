import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type EmbeddedPostgres, programsIn, removeEmbeddedPostgres, startEmbeddedPostgres } from '#libs/local';
import { reportNotRun } from './not-run';

const OLDEST = 15;
/** Servers, and what dumps and restores them: the npm package that the other tests run on has no such tools. */
const PROGRAMS = [
  'initdb',
  'postgres',
  'pg_ctl',
  'pg_dump',
  'pg_dumpall',
  'pg_restore',
  'psql',
  'createdb',
  'pg_basebackup',
];
/** Where packages put a release's programs when they are not on the path; a `*` is the release. */
const FOLDERS = ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin', '/opt/homebrew/opt/postgresql@*/bin'];

/** A PostgreSQL of this machine: servers and tools of one release. */
export interface PostgresTools {
  /** Jest's `describe`, or one that reports the suite as not run. */
  readonly describe: jest.Describe;
  /**
   * A server of its own, stopped and removed when the file's tests are over.
   * @param folder of a server that is there already; a new one with nothing in it by default.
   */
  startServer(folder?: string): Promise<EmbeddedPostgres>;
  /** What the program wrote to standard output; rejects with its standard error when it did not end well. */
  run(program: string, ...args: readonly string[]): Promise<string>;
}

/**
 * Gives the spec file servers that it may dump, copy and restore: `const postgres = usePostgresTools()`. On a machine
 * without the tools, the file is reported as not run, with what to install; with REQUIRE_POSTGRES_TOOLS=1 it fails.
 */
export function usePostgresTools(): PostgresTools {
  const found = findTools();
  const servers: { server: EmbeddedPostgres; folder: string }[] = [];
  if ('reason' in found) {
    reportNotRun({
      need: 'pg_dump and a server of its release',
      variable: 'REQUIRE_POSTGRES_TOOLS',
      reason: found.reason,
    });
  } else {
    afterAll(async () => {
      for (const { server, folder } of servers) {
        await server.stop();
        await removeEmbeddedPostgres(folder);
      }
    });
  }
  return {
    describe: 'reason' in found ? describe.skip : describe,
    async startServer(folder = mkdtempSync(join(tmpdir(), 'countersign-server-'))) {
      if ('reason' in found) throw new Error(found.reason);
      const binaries = programsIn(found.folder, found.major);
      const server = await startEmbeddedPostgres({ folder, settings: { fsync: 'off' }, binaries });
      servers.push({ server, folder });
      return server;
    },
    async run(program, ...args) {
      if ('reason' in found) throw new Error(found.reason);
      const { stdout } = await promisify(execFile)(join(found.folder, program), [...args], { maxBuffer: 2 ** 26 });
      return stdout;
    },
  };
}

/** The newest release that is here whole. */
function findTools(): { readonly folder: string; readonly major: number } | { readonly reason: string } {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const whole = [...FOLDERS.flatMap(expand), ...path].filter((folder) =>
    PROGRAMS.every((program) => existsSync(join(folder, program))),
  );
  const releases = whole.map((folder) => ({ folder, major: majorOf(folder) })).sort((a, b) => b.major - a.major);
  const [newest] = releases;
  if (newest && newest.major >= OLDEST) return newest;
  return {
    reason:
      `No PostgreSQL server with its tools: install PostgreSQL ${OLDEST} or later, server and client ` +
      `(Debian, Ubuntu: apt install postgresql; macOS: brew install postgresql@18). ` +
      `This machine has ${newest ? `PostgreSQL ${newest.major}` : 'none'}.`,
  };
}

function expand(pattern: string): string[] {
  const [before = '', after = ''] = pattern.split('*');
  const parent = before.slice(0, before.lastIndexOf('/'));
  const prefix = before.slice(parent.length + 1);
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .filter((name) => name.startsWith(prefix))
    .map((name) => `${parent}/${name}${after}`);
}

/** `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`; 0 for one that does not run. */
function majorOf(folder: string): number {
  const { stdout } = spawnSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return Number(/ (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}
