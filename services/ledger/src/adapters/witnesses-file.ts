import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Type, { type Static } from 'typebox';
import { Closed, Text } from '#contracts/schema';
import { DomainError } from '#libs/kernel';
import { parseSettings } from '#libs/service';
import type { Witness, WitnessPlace } from '../domain/witness';

const Url = Type.String({ pattern: '^https?://[^\\s]+$' });
const WitnessesFile = Closed({
  witnesses: Type.Array(
    Closed({
      name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,99}$' }),
      /** Seconds between two deliveries; the latest checkpoint counts for all before it. */
      everySeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
      file: Type.Optional(Text(1000)),
      webhook: Type.Optional(Url),
      countersign: Type.Optional(Url),
      /** Holds the bearer token; read at each delivery. */
      tokenFile: Type.Optional(Text(1000)),
    }),
    { maxItems: 20 },
  ),
});
type Entry = Static<typeof WitnessesFile>['witnesses'][number];

const DEFAULT_EVERY_SECONDS = 60;

/**
 * Who keeps our checkpoints outside: a YAML file, read at the start. Relative paths are from where it lies.
 * @throws DomainError('invalid_configuration') naming the file and every wrong field.
 */
export function readWitnesses(path: string | undefined): Witness[] {
  if (path === undefined) return [];
  const file = resolve(path);
  try {
    return parseWitnesses(readFileSync(file, 'utf8'), file);
  } catch (cause) {
    if (cause instanceof DomainError) throw cause;
    throw wrong(file, 'cannot be read');
  }
}

export function parseWitnesses(text: string, file: string): Witness[] {
  const { witnesses } = parseSettings(WitnessesFile, text, (reason) => wrong(file, reason));
  const twice = witnesses.find(({ name }, at) => witnesses.findIndex((other) => other.name === name) < at);
  if (twice) throw wrong(file, `there are two witnesses of the name ${twice.name}`);
  return witnesses.map((entry, at) => ({
    name: entry.name,
    everyMs: (entry.everySeconds ?? DEFAULT_EVERY_SECONDS) * 1000,
    ...placeOf(entry, dirname(file), (reason) => wrong(file, `witnesses[${at}] ${reason}`)),
  }));
}

function placeOf(entry: Entry, folder: string, refuse: (reason: string) => DomainError): WitnessPlace {
  const { file, webhook, countersign } = entry;
  if ([file, webhook, countersign].filter((place) => place !== undefined).length !== 1) {
    throw refuse('must have one of file, webhook and countersign');
  }
  const tokenFile = entry.tokenFile === undefined ? undefined : resolve(folder, entry.tokenFile);
  if (file !== undefined) return { kind: 'file', path: resolve(folder, file) };
  if (webhook !== undefined) return { kind: 'webhook', url: webhook, ...(tokenFile !== undefined && { tokenFile }) };
  if (tokenFile === undefined) throw refuse('needs a tokenFile, for an account there with the role witness');
  return { kind: 'countersign', url: (countersign ?? '').replace(/\/+$/, ''), tokenFile };
}

function wrong(file: string, reason: string): DomainError {
  return new DomainError('invalid_configuration', { field: 'LEDGER_WITNESSES_FILE', reason: `${file}: ${reason}` });
}
