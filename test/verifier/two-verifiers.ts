import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { AuditReport } from '#contracts/audit';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { verifyExport } from '#libs/audit';
import { repositoryRoot } from '#libs/local';
import type { PythonOutput, TestPython } from '#libs/testing';

export const VERIFY_LEDGER = join(repositoryRoot, 'test', 'verifier', 'verify_ledger.py');

export interface Knowing {
  readonly witness?: CheckpointSigned;
  readonly singleTenant?: boolean;
}

export interface TwoVerifiersOptions {
  readonly python: TestPython;
  /** The root's public key, PEM. */
  readonly rootKeyFile: () => string;
  /** For the witness's file. */
  readonly folder: () => string;
}

/**
 * The report of our verifier on an export, which the one in Python must share: what it found and where, every figure, and
 * the sentence. Only the reasons are in words of their own.
 */
export function useTwoVerifiers({ python, rootKeyFile, folder }: TwoVerifiersOptions) {
  async function inPython(text: string | Uint8Array, { witness, singleTenant }: Knowing = {}): Promise<PythonOutput> {
    const args = ['-', '--json', '--root-key', rootKeyFile()];
    if (singleTenant) args.push('--single-tenant');
    if (witness) {
      const file = join(folder(), 'witness.json');
      writeFileSync(file, JSON.stringify(witness));
      args.push('--witness', file);
    }
    return python.run(VERIFY_LEDGER, args, text);
  }

  return async (text: string | Uint8Array, knowing: Knowing = {}): Promise<AuditReport> => {
    const rootPublicKey = createPublicKey(await readFile(rootKeyFile()));
    const ours = await verifyExport(Readable.from([Buffer.from(text)]), { rootPublicKey, ...knowing });
    const { code, stdout, stderr } = await inPython(text, knowing);
    expect(stderr).toBe('');
    expect(code).toBe(ours.verified ? 0 : 1);
    expect(withoutReasons(JSON.parse(stdout))).toEqual(withoutReasons(JSON.parse(JSON.stringify(ours))));
    return ours;
  };
}

function withoutReasons(report: AuditReport): unknown {
  const { chains, problems, ...same } = report;
  const bare = (list: AuditReport['problems']) => list.map(({ reason: _, ...found }) => found);
  return { ...same, chains: chains === 'ok' ? chains : bare(chains), problems: bare(problems) };
}

export const kinds = ({ chains, problems }: AuditReport): string[] => [
  ...(chains === 'ok' ? [] : chains.map(({ kind }) => kind)),
  ...problems.map(({ kind }) => kind),
];
