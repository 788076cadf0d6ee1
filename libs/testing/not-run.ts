import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import { repositoryRoot } from '#libs/local';

/** What a spec file needs, and this machine cannot have. */
export interface MissingNeed {
  /** `a Kafka broker` */
  readonly need: string;
  /** Set to 1, it makes the absence a failure. */
  readonly variable:
    | 'REQUIRE_KAFKA'
    | 'REQUIRE_PYTHON'
    | 'REQUIRE_POSTGRES_TOOLS'
    | 'REQUIRE_HEC_CLIENTS'
    | 'REQUIRE_SHIPPERS'
    | 'REQUIRE_PROMTOOL'
    | 'REQUIRE_SMALL_DISK';
  /** What is missing, and what to install. */
  readonly reason: string;
}

/**
 * Reports the spec file as not run: nothing skips silently. scripts/test.mjs reads COUNTERSIGN_NOT_RUN_FILE, a line for
 * each: the variable, a tab, the text. With the variable set to 1, the file fails.
 */
export function reportNotRun({ need, variable, reason }: MissingNeed): void {
  const spec = relative(repositoryRoot, expect.getState().testPath ?? 'a spec file');
  if (process.env[variable] === '1') {
    it(`needs ${need}, because ${variable} is set`, () => {
      throw new Error(reason);
    });
  }
  const text = `${spec}: ${reason.replaceAll(/\s+/g, ' ')}`;
  const file = process.env['COUNTERSIGN_NOT_RUN_FILE'];
  if (file) appendFileSync(file, `${variable}\t${text}\n`);
  else process.stderr.write(`NOT RUN ${text}\n`);
}
