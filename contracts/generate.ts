import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
// Not by #libs/local, which loads all that knows databases: a check is to be quick.
import { repositoryRoot } from '../libs/local/repository-root';
import { asyncApiDocument } from './asyncapi';
import { RELEASED_FOLDER, writeRelease } from './compatible';
import { jsonSchemas } from './json-schemas';
import { openApiDocument } from './openapi';

export const GENERATED_FOLDER = join(repositoryRoot, 'contracts', 'generated');

/** What the contracts say, as files: their paths below the folder, and their content. */
export function generatedFiles(): Map<string, string> {
  const files = new Map<string, unknown>([
    ['openapi.json', openApiDocument()],
    ['asyncapi.json', asyncApiDocument()],
  ]);
  for (const [name, schema] of jsonSchemas()) files.set(`schemas/${name}`, schema);
  return new Map([...files].map(([name, content]) => [name, `${JSON.stringify(content, null, 2)}\n`]));
}

/** The files that are missing, differ, or should not be there, each with what is wrong with it. Empty when in step. */
export async function outOfStep(folder: string): Promise<string[]> {
  const expected = generatedFiles();
  const present = new Set(await filesBelow(folder));
  const wrong: string[] = [];
  for (const [name, content] of expected) {
    if (!present.has(name)) wrong.push(`${name} is missing`);
    else if ((await readFile(join(folder, name), 'utf8')) !== content) wrong.push(`${name} differs`);
  }
  for (const name of present) if (!expected.has(name)) wrong.push(`${name} belongs to no contract any more`);
  return wrong;
}

export async function writeGenerated(folder: string): Promise<number> {
  const files = generatedFiles();
  await rm(folder, { recursive: true, force: true });
  for (const [name, content] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return files.size;
}

async function filesBelow(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

async function main(): Promise<void> {
  if (process.argv.includes('--release')) {
    process.stdout.write(`${await writeRelease(RELEASED_FOLDER)} written\n`);
    return;
  }
  if (!process.argv.includes('--check')) {
    const count = await writeGenerated(GENERATED_FOLDER);
    process.stdout.write(`contracts/generated: ${count} files written\n`);
    return;
  }
  const wrong = await outOfStep(GENERATED_FOLDER);
  if (wrong.length === 0) return;
  process.stderr.write(`contracts/generated is out of step; run 'npm run contracts':\n  ${wrong.join('\n  ')}\n`);
  process.exitCode = 1;
}

if (require.main === module) void main();
