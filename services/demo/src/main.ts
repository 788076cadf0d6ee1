import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { dataFolder, dataFolderHolder, emptyDataFolder } from '#libs/local';
import { DomainError } from '#libs/kernel';
import { explain, SHUTDOWN_MS, shutdownSignal } from '#libs/service';
import { DEMO_DATA } from './demo-data';
import { type DemoOptions, parseDemoOptions } from './demo-options';
import { startDemoTargets } from './demo-targets';
import { launch } from './launch';
import { Narrator } from './narrator';
import { runDemo, setTheStage, type Stage } from './run-demo';
import type { DemoResult } from './result';

async function main(): Promise<void> {
  const options = parseDemoOptions(process.argv.slice(2));
  const narrator = new Narrator();
  const { folder, temporary } = await chooseDataFolder(options);
  const interrupted = new AbortController();
  const signalled = shutdownSignal().then(() => interrupted.abort(new Interrupted()));
  narrator.heading(options.cluster ? 'Countersign starts as a cluster' : 'Countersign starts, all in one process');
  refuseUsedFolder(folder);
  const targets = await startDemoTargets(folder, DEMO_DATA.indicators);
  const running = await launch(options, folder, (message) => narrator.say(message));
  let failure: Error | undefined;
  try {
    narrator.say(`up at ${running.gatewayUrl}`);
    const stage = await setTheStage(running.gatewayUrl, folder, targets, narrator);
    const result = options.alerts ? await runDemo(stage, options, narrator, interrupted.signal) : undefined;
    if (options.answer === undefined) await stayUp(stage, options, folder, narrator, signalled);
    else if (result) conclude(result, options, narrator);
  } catch (error) {
    if (!(error instanceof Interrupted)) failure = error instanceof Error ? error : new Error(String(error));
  }
  narrator.say('stopping …');
  setTimeout(() => process.exit(1), SHUTDOWN_MS).unref();
  await running.stop();
  await targets.stop();
  if (temporary) {
    // What lies outside of it too: started by root, PostgreSQL's data may be below /var/tmp.
    await emptyDataFolder(dataFolder(folder));
    rmSync(folder, { recursive: true, force: true });
  }
  if (failure !== undefined) throw failure;
  process.exit(0);
}

class Interrupted extends Error {}

/** The JSON goes out last, after everything has stopped: see `finalLine`. */
function conclude(result: DemoResult, { json }: DemoOptions, narrator: Narrator): void {
  narrator.heading('Result');
  const rows = Object.entries(result).map(([name, value]) => `${name.padEnd(10)} ${JSON.stringify(value)}`);
  if (json) finalLine = JSON.stringify(result);
  else narrator.block(rows);
}

let finalLine: string | undefined;
process.on('exit', () => {
  if (finalLine !== undefined && process.exitCode !== 1) process.stdout.write(`${finalLine}\n`);
});

async function stayUp(
  stage: Stage,
  { cluster }: DemoOptions,
  folder: string,
  narrator: Narrator,
  signalled: Promise<void>,
): Promise<void> {
  const { url } = stage.clients;
  narrator.heading('Countersign stays up');
  narrator.block([
    `API            ${url}`,
    `documentation  ${url}/docs`,
    ...Object.entries(stage.targets.urls).map(([name, target]) => `${name.padEnd(14)} ${target}/_record`),
    `data           ${folder}`,
    '',
    `a token        npx countersign token olivia --url ${url}`,
    `Ctrl-C stops it; ${cluster ? 'npm run cluster' : 'npm start'} continues with the same data; npm run reset empties it.`,
  ]);
  await signalled;
}

/** `--approve` and `--deny` begin with nothing, unless a folder is named; interactively, used data is offered a reset. */
async function chooseDataFolder(options: DemoOptions): Promise<{ folder: string; temporary: boolean }> {
  if (options.data === undefined && options.answer !== undefined) {
    return { folder: realpathSync(mkdtempSync(join(tmpdir(), 'countersign-demo-'))), temporary: true };
  }
  const folder = resolve(options.data ?? (process.env['COUNTERSIGN_DATA'] || '.countersign'));
  const used = existsSync(join(folder, 'postgres'));
  if (used && options.alerts && options.answer === undefined && process.stdin.isTTY) await offerReset(folder);
  return { folder, temporary: false };
}

/** Before the outside systems start: theirs would take other ports than those of the demo that runs there. */
function refuseUsedFolder(folder: string): void {
  const holder = dataFolderHolder(dataFolder(folder));
  if (holder === undefined) return;
  throw new DomainError('service_unavailable', {
    field: '--data',
    reason: `${folder} is in use by process ${holder}, another Countersign; stop that one, or choose another folder`,
  });
}

async function offerReset(folder: string): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${folder} holds data of an earlier run. Empty it first? [y/N] `);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) return;
  await emptyDataFolder(dataFolder(folder));
}

main().catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
});
