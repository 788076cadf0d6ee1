import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { AlertEnriched } from '#contracts/alert';
import { serviceActor } from '#contracts/envelope';
import type { AlertView, CaseView } from '#contracts/http/case';
import { type Bus, type BusMessage, createBus, ENRICHED_ALERTS_TOPIC } from '#libs/bus';
import { createPostgresEventStore, type EventStore } from '#libs/event-store';
import type { JsonObject } from '#libs/kernel';
import { createLogger, startService, startTestIssuer, type RunningService, type TestIssuer } from '#libs/service';
import { useMigratedPostgres } from '#libs/testing';
import { alertIdOf, alertOf, type AlertSketch, host } from './domain/alert.fixture';
import { service as caseService } from './service';

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body & { code?: string; field?: string; detail?: string };
}
export type Page<Item> = { items: Item[]; next?: string };

/** Two instances of the service, as a large installation runs them, on a database of their own. */
export function useCaseService() {
  const postgres = useMigratedPostgres(caseService);
  const folder = mkdtempSync(join(tmpdir(), 'countersign-case-'));
  const logger = createLogger('silent');
  let issuer: TestIssuer;
  let services: RunningService[];
  let enrichment: { bus: Bus; store: EventStore };

  beforeAll(async () => {
    issuer = await startTestIssuer();
    const env = {
      COUNTERSIGN_PROFILE: 'development',
      COUNTERSIGN_DATA: folder,
      LEDGER_URL: postgres.appUrl,
      CASE_PORT: '0',
      OIDC_ISSUER: issuer.url,
    };
    services = await Promise.all([
      startService(caseService, { env, logger }),
      startService(caseService, { env, logger }),
    ]);
    const pool = postgres.pool('enrichment');
    const store = createPostgresEventStore({ pool });
    enrichment = { store, bus: createBus({ kind: 'postgres', service: 'enrichment', store, pool, logger }) };
  });
  afterAll(async () => {
    await Promise.all((services ?? []).map((service) => service.stop()));
    await enrichment.bus.stop();
    await enrichment.store.close();
    await issuer.stop();
    rmSync(folder, { recursive: true });
  });

  async function call<Body>(
    subject: string,
    method: string,
    path: string,
    body?: JsonObject,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> {
    const answer = await fetch(`${services[0]?.url}${path}`, {
      method,
      headers: {
        ...(await issuer.headersFor(subject)),
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body && JSON.stringify(body),
    });
    return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) };
  }
  /** An answer that is not JSON. */
  const download = async (path: string) =>
    fetch(`${services[0]?.url}${path}`, { headers: await issuer.headersFor('arno') });
  const get = <Body>(path: string) => call<Body>('arno', 'GET', path);
  const post = (path: string, body: JsonObject, headers?: Record<string, string>) =>
    call<CaseView>('arno', 'POST', path, body, headers);

  function messageOf(alert: AlertEnriched | JsonObject, more: Partial<BusMessage> = {}): BusMessage {
    const { receiptId, alertId } = alert;
    return {
      topic: ENRICHED_ALERTS_TOPIC,
      key: String(alertId ?? receiptId),
      id: String(receiptId),
      type: 'AlertEnriched',
      source: '/countersign/enrichment',
      time: new Date().toISOString(),
      tenant: 'default',
      schemaVersion: 1,
      actor: serviceActor('enrichment'),
      correlationId: String(receiptId),
      data: alert as JsonObject,
      ...more,
    };
  }
  const publish = (...messages: BusMessage[]) => enrichment.bus.publisher.publish(messages);
  const send = (...sketches: AlertSketch[]) => publish(...sketches.map((sketch) => messageOf(alertOf(sketch))));

  async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
    const until = Date.now() + 20_000;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > until) throw new Error('it did not happen within 20 s');
      await wait(50);
    }
  }

  /** The alert, once it has had so many receptions. */
  const alert = (uid: string, receptions = 1) =>
    eventually(async () => {
      const { status, body } = await get<AlertView>(`/v1/alerts/${alertIdOf(uid)}`);
      return status === 200 && body.receptions.length >= receptions ? body : undefined;
    });

  async function openCase(uid: string): Promise<string> {
    await send({ uid, observables: [host(`host-of-${uid}`)] });
    const { caseId } = await alert(uid);
    if (caseId === null) throw new Error('the alert led to no case');
    return caseId;
  }

  return {
    postgres,
    services: () => services,
    publish,
    download,
    call,
    get,
    post,
    messageOf,
    send,
    eventually,
    alert,
    openCase,
  };
}
