import { Command, CommanderError } from 'commander';
import { ApiProblem, ApiUnreachable } from '#libs/client';
import { DomainError } from '#libs/kernel';
import { alertsCommand } from './commands/alerts';
import { archiveCommand } from './commands/archive';
import { approvalsCommand } from './commands/approvals';
import { auditCommand } from './commands/audit';
import { keysCommand } from './commands/keys';
import { casesCommand } from './commands/cases';
import { correlationCommand } from './commands/correlation';
import { dlqCommand } from './commands/dlq';
import { ledgerCommand } from './commands/ledger';
import { migrateCommand } from './commands/migrate';
import { playbooksCommand } from './commands/playbooks';
import { personalCommand } from './commands/personal';
import { projectionsCommand } from './commands/projections';
import { runsCommand } from './commands/runs';
import { sourcesCommand } from './commands/sources';
import { tokenCommand } from './commands/token';
import { printable } from './output';
import { UsageProblem } from './session';

/** Exit codes: 0 done, 1 Countersign said no (or an alert was rejected, or the ledger does not verify), 2 wrong usage. */
export function createProgram(): Command {
  const program = new Command('countersign')
    .description('Countersign from the command line.')
    .option('--url <url>', 'where the gateway is', process.env['COUNTERSIGN_URL'] || 'http://127.0.0.1:8080')
    .option(
      '--token <token>',
      'an access token; COUNTERSIGN_TOKEN in the environment',
      process.env['COUNTERSIGN_TOKEN'],
    )
    .option('--as <subject>', 'sign in at the local issuer (demo and development profiles)')
    .option('--json', 'print JSON')
    .showHelpAfterError('(countersign COMMAND --help shows how)');
  const commands = [
    alertsCommand,
    casesCommand,
    correlationCommand,
    approvalsCommand,
    playbooksCommand,
    runsCommand,
    auditCommand,
    keysCommand,
    dlqCommand,
    sourcesCommand,
    tokenCommand,
    migrateCommand,
    ledgerCommand,
    archiveCommand,
    projectionsCommand,
    personalCommand,
  ];
  for (const add of commands) add(program);
  everyCommand(program, (command) => command.configureHelp({ showGlobalOptions: true }));
  return program;
}

function everyCommand(command: Command, visit: (command: Command) => unknown): void {
  for (const child of command.commands) {
    visit(child);
    everyCommand(child, visit);
  }
}

function report(error: unknown): number {
  if (error instanceof UsageProblem) {
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  if (error instanceof ApiProblem) {
    const { title, code, errors } = error.problem;
    const more =
      errors && errors.length > 1 ? errors.map(({ field, reason }) => `  ${field}: ${reason}`).join('\n') : '';
    process.stderr.write(printable(`${title} (${code})\n${more || `  ${error.message}`}\n`));
    return 1;
  }
  if (error instanceof ApiUnreachable || error instanceof DomainError) {
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}

createProgram()
  .parseAsync(process.argv)
  .catch((error: unknown) => {
    if (!(error instanceof CommanderError)) process.exitCode = report(error);
  });
