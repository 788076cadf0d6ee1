import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import type { AuditReport } from '#contracts/audit';
import type { CheckpointSigned } from '#contracts/events/checkpoint';
import { createPostgresEventStore, type EventStore, NO_STREAM, toNewEvents } from '#libs/event-store';
import { deterministicId, newId } from '#libs/kernel';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { createKeyMaterial } from '#libs/warrant';
import { service as ledgerService } from './service';

interface Answer<Body> {
  readonly status: number;
  readonly body: Body & { code?: string; field?: string };
}

/** The ledger's service on a database of its own, and the case service's store to write to it. */
export function useLedgerService() {
  const postgres = useMigratedPostgres(ledgerService);
  const folder = mkdtempSync(join(tmpdir(), 'countersign-ledger-'));
  let issuer: TestIssuer;
  let service: RunningService;
  let cases: EventStore;

  const keysFolder = join(folder, 'keys');

  const start = (more: Record<string, string> = {}): Promise<RunningService> =>
    startService(ledgerService, {
      env: {
        COUNTERSIGN_PROFILE: 'development',
        COUNTERSIGN_DATA: folder,
        LEDGER_URL: postgres.appUrl,
        LEDGER_PORT: '0',
        OIDC_ISSUER: issuer.url,
        // Only those that a test asks for, unless it says otherwise.
        LEDGER_CHECKPOINT_SECONDS: '3600',
        LEDGER_CHECKPOINT_IDLE_MS: '3600000',
        ...more,
      },
      logger: createLogger('silent'),
    });

  beforeAll(async () => {
    await createKeyMaterial(keysFolder, new Date());
    issuer = await startTestIssuer();
    cases = createPostgresEventStore({ pool: postgres.pool('case') });
    service = await start();
  });
  afterAll(async () => {
    await service?.stop();
    await cases?.close();
    await issuer?.stop();
    rmSync(folder, { recursive: true });
  });

  async function call<Body>(method: string, path: string, subject = 'audrey', headers = {}): Promise<Answer<Body>> {
    const answer = await fetch(`${service.url}${path}`, {
      method,
      headers: { ...(await issuer.headersFor(subject)), ...headers },
    });
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  }
  const get = <Body>(path: string, subject?: string) => call<Body>('GET', path, subject);
  const verify = async () => (await get<AuditReport>('/v1/audit/verify')).body;
  const sign = async () => (await call<CheckpointSigned>('POST', '/v1/audit/checkpoints')).body;

  async function note(stream: string, text: string, tenant = 'default'): Promise<void> {
    const head = (await cases.heads('case', [stream])).get(stream) ?? NO_STREAM;
    const data = { caseId: deterministicId(stream), noteId: newId(), text };
    const envelope = {
      category: 'case',
      stream,
      actor: { kind: 'human', id: 'arno' },
      meta: { correlationId: 'test' },
      time: new Date(),
    } as const;
    const events = toNewEvents([{ type: 'CaseNoteAdded', data }], envelope);
    await cases.append([{ category: 'case', stream, tenant, expected: head, events }]);
  }

  async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
    const until = Date.now() + 20_000;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > until) throw new Error('it did not happen within 20 s');
      await wait(50);
    }
  }

  /** Somebody with all rights on the database: past grants, row security and triggers, and back afterwards. */
  async function asSuperuser(change: string, values: unknown[] = []): Promise<void> {
    const client = new Client({ connectionString: postgres.superuserUrl });
    await client.connect();
    try {
      await client.query(`set session_replication_role = replica`);
      await client.query(change, values);
    } finally {
      await client.end();
    }
  }

  const download = async (path: string, headers = {}, subject = 'audrey') =>
    fetch(`${service.url}${path}`, { headers: { ...(await issuer.headersFor(subject)), ...headers } });
  /** Asks another instance for a checkpoint. */
  const signAt = async ({ url }: RunningService) =>
    fetch(`${url}/v1/audit/checkpoints`, { method: 'POST', headers: await issuer.headersFor('audrey') });
  return {
    postgres,
    /** Of the installation, private ones too: for somebody who has stolen them. */
    keyFiles: { keysFolder, rootPublicKeyFile: join(keysFolder, 'root.public.pem') },
    service: () => service,
    /** Of a request as a local account. */
    headersFor: (subject: string) => issuer.headersFor(subject),
    cases: () => cases,
    start,
    call,
    get,
    verify,
    sign,
    signAt,
    note,
    eventually,
    asSuperuser,
    download,
  };
}
