import type { Command } from 'commander';
import { isJsonObject, type JsonObject, type JsonValue } from '#libs/kernel';
import { fields, print, table, when } from '../output';
import { signedIn } from '../session';

const text = (value: JsonValue | undefined): string | undefined => {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
};

export function dlqCommand(program: Command): void {
  const dlq = program.command('dlq').description('Dead letters: messages that no handler could take');
  dlq
    .command('list')
    .description('Dead letters, the latest first')
    .option('--status <status>', 'open, retried or dropped')
    .action(async ({ status }: { status?: string }, command: Command) => {
      const page = await (
        await signedIn(command)
      ).get<{ items: JsonObject[] }>('/v1/dead-letters', { status, limit: 200 });
      const columns = ['id', 'topic', 'group', 'status', 'time', 'code', 'field', 'reason'];
      print(command, page, () =>
        table(
          columns,
          page.items.map((letter) => columns.map((name) => text(letter[name]))),
        ),
      );
    });
  dlq
    .command('show')
    .argument('<id>')
    .description('One dead letter with its whole message')
    .action(async (id: string, _options: unknown, command: Command) => {
      const letter = await (await signedIn(command)).get<JsonObject>(`/v1/dead-letters/${encodeURIComponent(id)}`);
      print(command, letter, () => describeLetter(letter));
    });
  dlq
    .command('retry')
    .argument('<id>')
    .description('Put it before its handler again')
    .action(async (id: string, _options: unknown, command: Command) => {
      const path = `/v1/dead-letters/${encodeURIComponent(id)}/retry`;
      const letter = await (await signedIn(command)).post<JsonObject>(path);
      print(command, letter, () => describeLetter(letter));
    });
}

function describeLetter({ message, ...rest }: JsonObject): string {
  const shown = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [name, name === 'time' ? when(text(value)) : text(value)]),
  );
  return `${fields(shown)}\n${isJsonObject(message) ? JSON.stringify(message, null, 2) : ''}`.trimEnd();
}
