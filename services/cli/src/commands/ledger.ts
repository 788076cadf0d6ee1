import type { Command } from 'commander';
import { print } from '../output';
import { UsageProblem } from '../session';

const ADOPT_HELP = `
On another server transaction ids start again, and everybody who reads the ledger goes by them: without this, readers
would skip what is appended after the move. It raises the ids that events get from then on, until they come after
everything that the ledger, the bus, the read models and readers outside have seen. No event is changed. It can be
repeated: on a ledger that is where it was, it does nothing.

When to run it, before the services start:
  after pg_restore, or a move to another server (also by pg_upgrade)    countersign ledger adopt
  after the same server was put back to an earlier moment (a copied     countersign ledger adopt --rewound
  data folder, a snapshot of the disk, point-in-time recovery)
`;

export function ledgerCommand(program: Command): void {
  program
    .command('ledger')
    .description('Take care of the ledger’s database')
    .command('adopt')
    .description('Let a ledger go on that was restored, or moved to another server')
    .option('--database <url>', 'the owner’s login; MIGRATION_URL in the environment')
    .option('--rewound', 'the server is the same, its data are of an earlier moment')
    .addHelpText('after', ADOPT_HELP)
    .action(async ({ database, rewound }: { database?: string; rewound?: boolean }, command: Command) => {
      const url = database ?? process.env['MIGRATION_URL'];
      if (!url) {
        throw new UsageProblem('Which database? Set MIGRATION_URL to the login of its owner, or use --database URL.');
      }
      // Loaded here, since no other command should wait for it.
      const { adopt } = await import('#libs/local');
      const adopted = await adopt({ url, rewound });
      print(command, adopted, () =>
        adopted.raisedBy === '0'
          ? 'Nothing to do: what is appended comes after all that stands in the ledger.'
          : `The ledger is adopted: transaction ids raised by ${adopted.raisedBy}; what is appended comes after all that anybody has seen.`,
      );
    });
}
