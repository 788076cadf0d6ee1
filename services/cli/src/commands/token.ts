import type { Command } from 'commander';
import { localToken } from '#libs/client';
import { print } from '../output';
import { globalsOf } from '../session';

export function tokenCommand(program: Command): void {
  program
    .command('token')
    .argument('<subject>', 'an account of the local issuer: ines, adam, olivia, ruth, arno, audrey, root')
    .description('Print a token of the local issuer (demo and development profiles only)')
    .option('--client <id>', 'the OIDC client, which says what kind of principal it is', 'countersign-cli')
    .option('--audience <audience>', 'countersign, or countersign-mcp for an AI agent', 'countersign')
    .action(async (subject: string, options: { client: string; audience: string }, command: Command) => {
      const token = await localToken(globalsOf(command).url, subject, {
        clientId: options.client,
        audience: options.audience,
      });
      print(command, token, () => token.access_token);
    });
}
