import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { dataFolder, emptyDataFolder } from '#libs/local';
import { explain } from '#libs/service';

/** `npm run reset [-- --yes] [--data DIR]`: empties the data folder, asking first. */
async function main(args: readonly string[]): Promise<void> {
  const at = args.indexOf('--data');
  const path = at >= 0 ? args[at + 1] : process.env.COUNTERSIGN_DATA || '.countersign';
  if (path === undefined) throw new Error('--data needs a folder');
  const folder = dataFolder(path);
  if (!existsSync(folder.root)) {
    process.stdout.write(`${folder.root} does not exist: there is nothing to empty.\n`);
    return;
  }
  if (!args.includes('--yes') && !(await agrees(folder.root))) {
    process.stdout.write('Nothing was changed.\n');
    process.exitCode = 1;
    return;
  }
  await emptyDataFolder(folder);
  process.stdout.write(`${folder.root} is empty.\n`);
}

/** Without a terminal there is nobody to ask, and so no consent. */
async function agrees(root: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    process.stderr.write('Nobody to ask on this standard input; use npm run reset -- --yes\n');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`Remove all cases, alerts, keys and the ledger in ${root}? Type yes: `);
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
});
