import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '#libs/kernel';
// Not by #libs/local, which loads all that knows databases: a check is to be quick.
import { repositoryRoot } from '../libs/local/repository-root';
import { compareContracts } from './compatibility/compare-contracts';
import { type ContractSnapshot, currentSnapshot } from './compatibility/contract-snapshot';

/** A folder for each release, with what it promised. */
export const RELEASED_FOLDER = join(repositoryRoot, 'contracts', 'released');

const PARTS = ['events', 'http'] as const;

/** What the contracts of now break of each release in the folder, a line each. */
export async function incompatible(folder: string, now: ContractSnapshot = currentSnapshot()): Promise<string[]> {
  const versions = existsSync(folder) ? (await readdir(folder)).sort() : [];
  if (versions.length === 0) throw new DomainError('not_found', { field: folder, reason: 'holds no release' });
  const found = await Promise.all(
    versions.map(async (version) => {
      const broken = compareContracts(await readRelease(join(folder, version)), now);
      return broken.map((line) => `${version}: ${line}`);
    }),
  );
  return found.flat();
}

/**
 * Keeps what the contracts of now promise, under the version of package.json. Resolves to the folder.
 * @throws DomainError('invalid_transition') for a version that was released: what it promised does not change.
 */
export async function writeRelease(folder: string, now: ContractSnapshot = currentSnapshot()): Promise<string> {
  const { version }: { version: string } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8'));
  const release = join(folder, version);
  if (existsSync(release)) {
    throw new DomainError('invalid_transition', {
      field: 'version',
      reason: `${version} of package.json was released already, and ${release} is what it promised`,
    });
  }
  await mkdir(release, { recursive: true });
  for (const part of PARTS) await writeFile(join(release, `${part}.json`), oneLineEach(now[part]));
  return release;
}

async function readRelease(folder: string): Promise<ContractSnapshot> {
  const [events, http] = await Promise.all(
    PARTS.map(async (part) => JSON.parse(await readFile(join(folder, `${part}.json`), 'utf8'))),
  );
  return { events, http };
}

/** Compact, and still a line of its own for each contract in a diff. */
function oneLineEach(contracts: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(contracts).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}

async function main(): Promise<void> {
  const broken = await incompatible(RELEASED_FOLDER);
  if (broken.length === 0) return;
  process.stderr.write(
    `Released contracts are broken; docs/evolution.md says how to change one:\n  ${broken.join('\n  ')}\n`,
  );
  process.exitCode = 1;
}

if (require.main === module) void main();
