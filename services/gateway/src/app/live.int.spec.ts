import { setImmediate } from 'node:timers/promises';
import { NO_STREAM } from '#libs/event-store';
import { newId } from '#libs/kernel';
import { useMigratedPostgres } from '#libs/testing';
import { useGateway } from '../gateway-harness';
import { service } from '../service';

const postgres = useMigratedPostgres(service);
const harness = useGateway(postgres);

describe('the live stream', () => {
  const append = async (tenant: string, type: string) => {
    const stream = `case-${newId()}`;
    const caseStore = harness.approval.context.store;
    const result = await caseStore.append([
      {
        category: 'approval',
        stream: stream.replace('case-', 'approval-'),
        tenant,
        expected: NO_STREAM,
        events: [
          {
            id: newId(),
            type,
            schemaVersion: 1,
            time: new Date().toISOString(),
            actor: { kind: 'service', id: 'approval' },
            data: {},
            meta: { correlationId: 'c' },
          },
        ],
      },
    ]);
    expect(result.status).toBe('appended');
  };

  it("carries the principal's tenant from now on, and resumes after what was seen", async () => {
    await append('default', 'BeforeIt');
    // Until then it is news, wherever the stream begins: another transaction of the server may hold it back.
    while ((await harness.approval.context.store.visibilityLag()).events > 0) await setImmediate();
    const headers = await harness.as('arno');
    const stopping = new AbortController();
    const first = await fetch(`${harness.gateway.url}/v1/live`, { headers, signal: stopping.signal });
    expect(first.headers.get('content-type')).toContain('text/event-stream');
    await append('other', 'OfSomebodyElse');
    await append('default', 'FirstSeen');
    const seen = await readUntil(first, 'event: FirstSeen');
    expect(seen).not.toContain('BeforeIt');
    expect(seen).not.toContain('OfSomebodyElse');
    stopping.abort();
    await append('default', 'WhileAway');
    const lastId = [...seen.matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? '';
    const again = new AbortController();
    const second = await fetch(`${harness.gateway.url}/v1/live?categories=approval,case`, {
      headers: { ...headers, 'last-event-id': lastId },
      signal: again.signal,
    });
    expect(await readUntil(second, 'event: WhileAway')).not.toContain('event: FirstSeen');
    again.abort();
  });

  it('misses nothing of a tenant that was quiet while others wrote', async () => {
    const headers = await harness.as('arno');
    const stopping = new AbortController();
    const stream = await fetch(`${harness.gateway.url}/v1/live`, { headers, signal: stopping.signal });
    for (let index = 0; index < 30; index += 1) {
      await append('other', 'OfSomebodyElse');
      if (index % 10 === 9) await append('default', `Own${index}`);
    }
    const seen = await readUntil(stream, 'event: Own29');
    expect([...seen.matchAll(/^event: (.+)$/gm)].map(([, type]) => type)).toEqual(['Own9', 'Own19', 'Own29']);
    stopping.abort();
  });

  it('refuses a cursor that is none, and categories that it does not carry', async () => {
    const headers = await harness.as('arno');
    const wrong = await fetch(`${harness.gateway.url}/v1/live?cursor=nonsense`, { headers });
    expect(JSON.parse(await wrong.text())).toMatchObject({ status: 400, code: 'invalid_cursor' });
    const policy = await fetch(`${harness.gateway.url}/v1/live?categories=policy`, { headers });
    expect(JSON.parse(await policy.text())).toMatchObject({ status: 400, field: 'categories' });
  });

  async function readUntil(response: Response, wanted: string): Promise<string> {
    let all = '';
    const reader = response.body?.getReader();
    while (reader !== undefined && !all.includes(wanted)) {
      const { value, done } = await reader.read();
      if (done) break;
      all += Buffer.from(value).toString();
      if (all.includes(wanted) && !all.endsWith('\n\n')) continue;
    }
    return all;
  }
});
