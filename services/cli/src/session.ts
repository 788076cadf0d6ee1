import type { Command } from 'commander';
import { ApiClient, localToken } from '#libs/client';

export interface GlobalOptions {
  readonly url: string;
  readonly json?: boolean;
  readonly token?: string;
  readonly as?: string;
}

export const globalsOf = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

/** What the user should do, said in one line; the exit code is 2, as for wrong options. */
export class UsageProblem extends Error {
  override readonly name = 'UsageProblem';
}

/** The API as the user: by --token (COUNTERSIGN_TOKEN), or by --as with a token of the local issuer. */
export async function signedIn(command: Command): Promise<ApiClient> {
  const { url, token, as } = globalsOf(command);
  if (as !== undefined) return new ApiClient(url, (await localToken(url, as)).access_token);
  if (token !== undefined) return new ApiClient(url, token);
  throw new UsageProblem(
    'This needs a token: --token TOKEN, or COUNTERSIGN_TOKEN in the environment, or --as SUBJECT with the local issuer ' +
      '(demo and development profiles), for example --as olivia.',
  );
}
