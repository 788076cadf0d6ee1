import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import type { AuditKeys } from '#contracts/http/ledger';
import type { ConsistencyProof } from '#contracts/proof';
import type { WitnessedLedger, WitnessStatement, WitnessView } from '#contracts/witness';
import { signCheckpoint } from '#libs/audit';
import { isJsonObject } from '#libs/kernel';
import type { RunningService } from '#libs/service';
import { publicKeyText, signSigningKey } from '#libs/warrant';
import { useLedgerService } from './ledger-service.fixture';

const ours = useLedgerService();
const theirs = useLedgerService();
const folder = mkdtempSync(join(tmpdir(), 'countersign-witness-'));
const kept = join(folder, 'kept', 'checkpoints.ndjson');

interface Posted {
  readonly key: string | undefined;
  readonly authorization: string | undefined;
  readonly statement: WitnessStatement;
}
const posted: Posted[] = [];
let isRefusing = true;
let webhook: Server;

beforeAll(async () => {
  webhook = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { authorization, 'idempotency-key': key } = request.headers;
      posted.push({ key: String(key), authorization, statement: JSON.parse(body) });
      response.writeHead(isRefusing ? 503 : 204).end(isRefusing ? 'not now' : undefined);
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await new Promise((resolve) => webhook.close(resolve));
  rmSync(folder, { recursive: true });
});

const urlOf = (server: Server) => {
  const address = server.address();
  return isJsonObject(address) ? `http://127.0.0.1:${String(address['port'])}/hook` : '';
};

/** Another instance of our ledger's service, with witnesses. */
async function startWithWitnesses(): Promise<RunningService> {
  const { authorization } = await theirs.headersFor('wanda');
  writeFileSync(join(folder, 'token'), `${authorization.replace('Bearer ', '')}\n`);
  const file = join(folder, 'witnesses.yaml');
  writeFileSync(
    file,
    `witnesses:
  - { name: disk, everySeconds: 1, file: kept/checkpoints.ndjson }
  - { name: hook, everySeconds: 1, webhook: '${urlOf(webhook)}', tokenFile: token }
  - { name: partner, everySeconds: 1, countersign: '${theirs.service().url}/', tokenFile: token }
`,
  );
  return ours.start({ LEDGER_WITNESSES_FILE: file });
}
const ledgerId = async () => (await ours.get<AuditKeys>('/v1/audit/keys')).body.root.keyId;
const witnessed = async () =>
  theirs.get<WitnessedLedger>(`/v1/audit/witnessed/${await ledgerId()}`, 'wanda').then(({ body }) => body);
const linesOfFile = () => readFileSync(kept, 'utf8').trim().split('\n');

describe('the witnesses of a ledger', () => {
  let running: RunningService;
  const view = async () => {
    const answer = await fetch(`${running.url}/v1/audit/witnesses`, { headers: await ours.headersFor('audrey') });
    const { items }: { items: WitnessView[] } = JSON.parse(await answer.text());
    return Object.fromEntries(items.map(({ name, ...rest }) => [name, rest]));
  };
  const untilAll = (sequence: number) =>
    ours.eventually(async () => {
      const all = await view();
      return Object.values(all).every((witness) => witness.sequence === sequence) ? all : undefined;
    });

  beforeAll(async () => {
    running = await startWithWitnesses();
  });
  afterAll(() => running?.stop());

  it('get the last checkpoint, each by itself, and one that fails is tried again', async () => {
    await ours.note('case-a', 'one');
    const first = await ours.sign();
    const refused = await ours.eventually(async () => {
      const { hook, disk, partner } = await view();
      return hook?.failure && disk?.sequence === 1 && partner?.sequence === 1 ? hook : undefined;
    });
    expect(refused).toMatchObject({ kind: 'webhook', sequence: null, failure: '503 not now' });
    expect(linesOfFile().map((line) => JSON.parse(line))).toEqual([first]);
    expect((await witnessed()).checkpoint).toEqual(first);
    expect(posted[0]).toMatchObject({
      key: `${await ledgerId()}-1`,
      authorization: expect.stringMatching(/^Bearer ey/),
      statement: { checkpoint: first, from: null, path: [], keys: [{ keyId: first.keyId }] },
    });
    isRefusing = false;
    await untilAll(1);
    expect(new Set(posted.map(({ key }) => key)).size).toBe(1);
  });

  it('get a later one with the proof that it continues the one that they have', async () => {
    for (let index = 0; index < 20; index += 1) await ours.note('case-a', `more ${index}`);
    const second = await ours.sign();
    await untilAll(second.sequence);
    expect((await witnessed()).checkpoint).toEqual(second);
    expect(linesOfFile()).toHaveLength(2);
  });

  it('are not told twice by a process that was killed before it took note', async () => {
    await ours.asSuperuser('update svc_ledger.witness set sequence = 1');
    await untilAll(2);
    expect(linesOfFile()).toHaveLength(2);
  });
});

describe('a witness', () => {
  const witness = (statement: WitnessStatement, subject = 'wanda') => post('/v1/audit/witnessed', statement, subject);
  async function post(path: string, body: unknown, subject: string) {
    const answer = await fetch(`${theirs.service().url}${path}`, {
      method: 'POST',
      headers: { ...(await theirs.headersFor(subject)), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  }

  /** A ledger that signs whatever it likes. */
  function aLedger() {
    const root = generateKeyPairSync('ed25519').privateKey;
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const key = { purpose: 'checkpoint', publicKey, notBefore: '2026-01-01T00:00:00.000Z', notAfter: null } as const;
    const published = signSigningKey(key, root);
    const checkpoint = (sequence: number, size: number, fill: string): CheckpointSigned =>
      signCheckpoint(
        {
          sequence,
          size,
          root: fill.repeat(32),
          upTo: { tx: '1', position: String(size) },
          previous: null,
          signedAt: '2026-11-24T10:00:00.000Z',
        },
        { keyId: published.keyId, privateKey },
      );
    const say = (next: CheckpointSigned, from: number | null = null, path: string[] = []): WitnessStatement => ({
      publicKey: publicKeyText(root),
      keys: [published],
      checkpoint: next,
      from,
      path,
    });
    return { checkpoint, say };
  }

  it('takes the same checkpoint again, and no second one in its place', async () => {
    const { checkpoint, say } = aLedger();
    const first = say(checkpoint(1, 10, 'ab'));
    expect(await witness(first)).toMatchObject({ status: 200 });
    expect(await witness(first)).toMatchObject({ status: 200 });
    expect(await witness(say(checkpoint(2, 12, 'ab')))).toMatchObject({
      status: 409,
      body: { code: 'stream_conflict', field: 'from' },
    });
    expect(await witness(say(checkpoint(1, 10, 'cd'), 1))).toMatchObject({
      status: 409,
      body: { code: 'ledger_contradicted' },
    });
  });

  it('finds a ledger that was rewritten, and keeps the proof of it', async () => {
    const { checkpoint, say } = aLedger();
    await witness(say(checkpoint(1, 10, 'ab')));
    const rewritten = say(checkpoint(2, 12, 'cd'), 1, ['ef'.repeat(32)]);
    for (let time = 0; time < 2; time += 1) {
      expect(await witness(rewritten)).toMatchObject({ status: 409, body: { code: 'ledger_contradicted' } });
    }
    const { body } = await theirs.get<{ items: { data: { checkpoint: CheckpointSigned } }[] }>(
      '/v1/events?category=audit&type=CheckpointContradicted',
    );
    expect(
      body.items.filter(({ data }) => data.checkpoint.root === 'cd'.repeat(32) && data.checkpoint.sequence === 2),
    ).toHaveLength(1);
  });

  it('takes nothing that the ledger has not signed, and nothing from those who may not', async () => {
    const { checkpoint, say } = aLedger();
    const forged = { ...checkpoint(1, 10, 'ab'), size: 11 };
    expect(await witness(say(forged))).toMatchObject({ status: 400, body: { field: 'checkpoint.signature' } });
    const other = aLedger();
    const mixed = { ...say(checkpoint(1, 10, 'ab')), keys: other.say(forged).keys };
    expect(await witness(mixed)).toMatchObject({ status: 403, body: { code: 'signing_key_invalid' } });
    expect(await witness(say(checkpoint(1, 10, 'ab')), 'arno')).toMatchObject({ status: 403 });
    expect(await theirs.get(`/v1/audit/witnessed/${'A'.repeat(43)}`, 'wanda')).toMatchObject({ status: 404 });
  });

  it('agrees with the proof that anybody can ask the ledger for', async () => {
    const { body } = await ours.get<ConsistencyProof>('/v1/audit/proofs/consistency?from=1');
    expect((await witnessed()).checkpoint).toEqual(body.to);
  });
});
