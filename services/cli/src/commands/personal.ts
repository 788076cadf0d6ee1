import { InvalidArgumentError, type Command } from 'commander';
import type { Erasure, Mentions } from '#contracts/http/ledger';
import { print, table, when } from '../output';
import { globalsOf, signedIn, UsageProblem } from '../session';
import { DATABASE_HELP, findProduct, personalKeysFile, progressLines } from './projections';

const AN_HOUR_MS = 60 * 60 * 1000;

interface EraseOptions {
  readonly person: readonly string[];
  readonly record: readonly string[];
  readonly mentions?: string;
  readonly reason: string;
  readonly rebuild: boolean;
  readonly database?: string;
}

export function personalCommand(program: Command): void {
  const personal = program.command('personal').description('Find and erase personal data');
  personal
    .command('find')
    .argument('<text>', 'a login, a name, an address: found wherever it stands')
    .description('Which records mention somebody; reads the whole ledger, and is itself recorded')
    .action(async (text: string, _options: unknown, command: Command) => {
      const client = await signedIn(command);
      const mentions = await findMentions(client, text);
      const rows = mentions.items.map(({ record, events, first, last }) => [record, events, when(first), when(last)]);
      print(command, mentions, () =>
        [
          table(['record', 'events', 'first', 'last'], rows),
          `${mentions.asPerson} events have it as the name of who acted, approved or was assigned.`,
        ].join('\n'),
      );
    });
  personal
    .command('erase')
    .description('Destroy the keys of personal data: it reads `erased` for ever, and the ledger still verifies')
    .requiredOption('--reason <text>', 'recorded with who and when; name nobody in it')
    .option('--person <login>', 'who acted, approved or was assigned; may be given again', gathered, [])
    .option('--record <stream>', 'case-<id> (with its alerts), alert-<id>, ...; may be given again', gathered, [])
    .option('--mentions <text>', 'every record that `personal find` shows, and the person of that name')
    .option('--no-rebuild', 'leave the read models, which show it until they are rebuilt')
    .option('--database <url>', DATABASE_HELP)
    .action(async (options: EraseOptions, command: Command) => {
      const client = await signedIn(command);
      const persons = [...options.person];
      const records = [...options.record];
      if (options.mentions !== undefined) {
        const { items, asPerson } = await findMentions(client, options.mentions);
        records.push(...items.map(({ record }) => record).filter((record) => !records.includes(record)));
        if (asPerson > 0) persons.push(options.mentions);
      }
      if (persons.length + records.length === 0) {
        throw new UsageProblem('Nothing to erase: give --person, --record or --mentions.');
      }
      const body = { persons, records, reason: options.reason };
      const erasure = await client.post<Erasure>('/v1/personal-data/erasures', body);
      const rebuilt = options.rebuild ? await rebuildReadModels(options.database, command) : undefined;
      print(command, { ...erasure, rebuilt: rebuilt ?? [] }, () =>
        [
          `Erased ${erasure.records.length} records and ${erasure.persons} persons (${erasure.erasureId}).`,
          rebuilt
            ? `Rebuilt the read models ${rebuilt.join(', ')}.`
            : 'The read models still show it: rebuild them by `countersign projections rebuild <service>`, for each service.',
        ].join('\n'),
      );
    });
}

const findMentions = (client: Awaited<ReturnType<typeof signedIn>>, text: string): Promise<Mentions> =>
  client.request<Mentions>('POST', '/v1/personal-data/mentions', {
    body: { text },
    signal: AbortSignal.timeout(AN_HOUR_MS),
  });

/** Of all services; undefined where there is no login of the owner. */
async function rebuildReadModels(database: string | undefined, command: Command): Promise<string[] | undefined> {
  const product = await findProduct({ database });
  if (!product) return undefined;
  const { local, definitions, databases } = product;
  const rebuilt: string[] = [];
  for (const service of definitions) {
    for (const projection of local.rebuildable(service)) {
      const onProgress = progressLines(globalsOf(command).json === true);
      await local.rebuildReadModel({
        ...databases,
        service,
        projection,
        personalKeysFile: personalKeysFile(),
        onProgress,
      });
      rebuilt.push(`${service.name}/${projection}`);
    }
  }
  return rebuilt;
}

function gathered(text: string, before: readonly string[]): string[] {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return [...before, text];
}
