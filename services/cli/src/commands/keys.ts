import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { keysFolder } from '../keys-folder';
import { fields, print, when } from '../output';
import { UsageProblem } from '../session';
import { demandReadable } from '../witness';

const PURPOSES = ['warrant', 'checkpoint'] as const;
const HOUR_MS = 3_600_000;

interface KeyOptions {
  readonly keys?: string;
  readonly rootPublicKey?: string;
}

/** Signing keys, on the machine that has their folder. */
export function keysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .description('Make and replace signing keys, on the machine that has the root key');
  keys
    .command('create')
    .argument('[folder]', 'COUNTERSIGN_KEYS_DIR, or keys in the data folder, unless told')
    .description(
      'Make a root key, the signing keys that it vouches for, and the keys of personal data; what is there stays',
    )
    .action(async (given: string | undefined, _options: unknown, command: Command) => {
      const folder = folderOf(given);
      const { createKeyMaterial } = await import('#libs/warrant');
      await createKeyMaterial(folder, new Date());
      const { createPersonalKeys, PERSONAL_KEYS } = await import('#libs/personal-data');
      createPersonalKeys(join(folder, PERSONAL_KEYS));
      const root = join(folder, 'root.private.pem');
      print(command, { folder }, () =>
        [
          `The keys are in ${folder}.`,
          `Those of personal data are in ${PERSONAL_KEYS}: keep a copy apart from the backups of the ledger.`,
          `Take ${root} away from there, and keep it offline: only \`keys rotate\` needs it.`,
        ].join('\n'),
      );
    });
  keys
    .command('rotate')
    .argument('<purpose>', PURPOSES.join(' or '))
    .description('Replace a signing key; services take the new one up when they start')
    .requiredOption('--root-key <file>', 'the root’s private key (PEM), kept offline')
    .option('--keys <folder>', 'COUNTERSIGN_KEYS_DIR, or keys in the data folder, unless told')
    .option('--root-public-key <file>', 'the pinned root; root.public.pem in the folder unless told')
    .option('--overlap <hours>', 'for which the key before stays valid', wholeHours, 24)
    .action(async (purpose: string, options: KeyOptions & { rootKey: string; overlap: number }, command: Command) => {
      const wanted = PURPOSES.find((name) => name === purpose);
      if (!wanted) throw new UsageProblem(`There is no key for '${purpose}'; use ${PURPOSES.join(' or ')}.`);
      await demandReadable(options.rootKey);
      const { rotateKey } = await import('#libs/warrant');
      const folder = folderOf(options.keys);
      const rootPublicKeyFile = options.rootPublicKey ?? join(folder, 'root.public.pem');
      const rotated = await rotateKey({ keysFolder: folder, rootPublicKeyFile }, wanted, {
        rootPrivateKey: await readFile(options.rootKey, 'utf8'),
        now: new Date(),
        overlapMs: options.overlap * HOUR_MS,
      });
      print(command, rotated, () =>
        fields({
          purpose: rotated.purpose,
          key: rotated.keyId,
          'key before': rotated.previous.keyId,
          'valid until': when(rotated.previous.notAfter),
          next: `start the ${wanted === 'warrant' ? 'approval' : 'ledger'} service again`,
        }),
      );
    });
}

const folderOf = (given: string | undefined): string => (given === undefined ? keysFolder() : resolve(given));

function wholeHours(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new UsageProblem(`The overlap is a whole number of hours, not '${text}'.`);
}
