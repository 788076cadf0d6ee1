import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import type { WitnessedLedger, WitnessStatement } from '#contracts/witness';
import { DomainError, isJsonObject } from '#libs/kernel';
import type { WitnessPlace } from '../domain/witness';

const TIMEOUT_MS = 10_000;
/** Of a file, for its last line. */
const TAIL_BYTES = 16_384;

type Remote = Extract<WitnessPlace, { url: string }>;

/**
 * Adds a checkpoint to a file, a line each, and sees to it that it is on the disk. The one that is there already, left by
 * a delivery that was not recorded, is not added again; a line that a crash cut off is left alone.
 */
export async function addToFile(path: string, checkpoint: CheckpointSigned): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a+');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const tail = buffer.toString('utf8');
    if (tail.includes(checkpoint.signature)) return;
    const isCutOff = size > 0 && !tail.endsWith('\n');
    await file.appendFile(`${isCutOff ? '\n' : ''}${JSON.stringify(checkpoint)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What another Countersign has of the ledger; undefined for nothing. */
export async function lastWitnessed(witness: Remote, ledger: string): Promise<WitnessedLedger | undefined> {
  const answer = await call(witness, 'GET', `${witness.url}/v1/audit/witnessed/${ledger}`);
  if (answer.status === 404) return undefined;
  return (await bodyOf(answer)) as WitnessedLedger;
}

/** @param key the same for the same statement: a repetition changes nothing there. */
export async function postStatement(witness: Remote, statement: WitnessStatement, key: string): Promise<void> {
  const url = witness.kind === 'countersign' ? `${witness.url}/v1/audit/witnessed` : witness.url;
  const answer = await call(witness, 'POST', url, { body: JSON.stringify(statement), key });
  if (witness.kind === 'countersign' || !answer.ok) await bodyOf(answer);
}

async function call(
  { tokenFile }: Remote,
  method: string,
  url: string,
  { body, key }: { body?: string; key?: string } = {},
): Promise<Response> {
  const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim();
  const headers = {
    accept: 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(key !== undefined && { 'idempotency-key': key }),
  };
  try {
    return await fetch(url, { method, headers, body, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (cause) {
    const because = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new DomainError('target_unreachable', { reason: `${url}: ${because}`, cause });
  }
}

async function bodyOf(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (!answer.ok) throw new DomainError('target_refused', { reason: `${answer.status} ${reasonIn(text)}` });
  return JSON.parse(text);
}

/** The reason in problem+json, or the beginning of whatever came. */
function reasonIn(text: string): string {
  try {
    const problem: unknown = JSON.parse(text);
    if (isJsonObject(problem)) return `${String(problem['code'])}: ${String(problem['detail'])}`;
  } catch {
    // Not JSON: shown as it came.
  }
  return text.slice(0, 200);
}
