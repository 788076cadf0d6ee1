import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder that holds package.json, seen from the sources and from dist/ alike. */
export const repositoryRoot: string = upwards(__dirname);

function upwards(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`there is no package.json above ${__dirname}`);
  return upwards(parent);
}
