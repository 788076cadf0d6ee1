import { Command, InvalidArgumentError } from 'commander';

export interface DemoOptions {
  /** Answers without asking. */
  readonly answer?: 'grant' | 'deny';
  readonly json: boolean;
  readonly cluster: boolean;
  /** False: start and set up only (`npm start`, `npm run cluster`). */
  readonly alerts: boolean;
  readonly data?: string;
  /** Alerts a second. */
  readonly rate: number;
  /** Whether the standard ports are taken, or any that are free. */
  readonly ports: 'standard' | 'free';
}

interface Parsed {
  approve?: boolean;
  deny?: boolean;
  json?: boolean;
  cluster?: boolean;
  alerts: boolean;
  data?: string;
  rate: number;
  freePorts?: boolean;
}

export function parseDemoOptions(argv: readonly string[]): DemoOptions {
  const command = new Command('npm run demo --')
    .description('Runs Countersign with bundled alerts, and real outside systems on loopback.')
    .option('--approve', 'grant what waits for approval, as another person than the requester, then stop')
    .option('--deny', 'deny it, then stop')
    .option('--json', 'print the result as one JSON object in the last line of standard output')
    .option('--cluster', 'a process for each service, with Kafka')
    .option('--no-alerts', 'start and set up, and wait for alerts of your own')
    .option('--data <dir>', 'the data folder; with --approve and --deny a fresh one by default, else .countersign')
    .option('--rate <n>', 'alerts a second', positive, 20)
    .option('--free-ports', 'take free ports instead of 8080 to 8087');
  command.parse([...argv], { from: 'user' });
  const { approve, deny, json, cluster, alerts, data, rate, freePorts } = command.opts<Parsed>();
  if (approve && deny) command.error('--approve and --deny exclude each other: choose one');
  return {
    answer: approve ? 'grant' : deny ? 'deny' : undefined,
    json: json ?? false,
    cluster: cluster ?? false,
    alerts,
    data,
    rate,
    ports: freePorts ? 'free' : 'standard',
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('must be a number above 0');
  return value;
}
