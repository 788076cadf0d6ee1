import type { Command } from 'commander';
import type { DeadLetterView } from '#contracts/http/ledger';
import { fields, print, table, when } from '../output';
import { signedIn } from '../session';

export function dlqCommand(program: Command): void {
  const dlq = program.command('dlq').description('Dead letters: messages that no handler could take');
  dlq
    .command('list')
    .description('Dead letters, the latest first')
    .option('--status <status>', 'open, retried or dropped')
    .action(async ({ status }: { status?: string }, command: Command) => {
      const page = await (
        await signedIn(command)
      ).get<{ items: DeadLetterView[] }>('/v1/dead-letters', { status, limit: 200 });
      const rows = page.items.map((d) => [d.id, d.topic, d.group, d.status, when(d.time), d.code, d.field, d.reason]);
      print(command, page, () => table(['id', 'topic', 'group', 'status', 'time', 'code', 'field', 'reason'], rows));
    });
  dlq
    .command('show')
    .argument('<id>')
    .description('One dead letter with its whole message')
    .action(async (id: string, _options: unknown, command: Command) => {
      const letter = await (await signedIn(command)).get<DeadLetterView>(`/v1/dead-letters/${encodeURIComponent(id)}`);
      print(command, letter, () => describeLetter(letter));
    });
  const decisions = {
    retry: 'Put it before its handler again; an alert, which is rejected by then, as a new reception',
    drop: 'Take note that it is not to be handled; it stays where it is',
  };
  for (const [verb, description] of Object.entries(decisions)) {
    dlq
      .command(verb)
      .argument('<id>')
      .description(description)
      .action(async (id: string, _options: unknown, command: Command) => {
        const path = `/v1/dead-letters/${encodeURIComponent(id)}/${verb}`;
        const letter = await (await signedIn(command)).post<DeadLetterView>(path);
        print(command, letter, () => describeLetter(letter));
      });
  }
}

function describeLetter({ message, time, decidedAt, ...rest }: DeadLetterView): string {
  return `${fields({ ...rest, time: when(time), decided: when(decidedAt) })}\n${JSON.stringify(message, null, 2)}`;
}
