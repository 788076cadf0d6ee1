import { ALERTS_TOPIC } from '#contracts/topics';
import type { EventStore } from '#libs/event-store';
import type { HandlerExtras } from '../bus-server';
import type { Bus } from '../create-bus';
import type { BatchHandler, BusMessage, Outcome } from '../port';

let serial = 0;
/** `a-1` is message 1 of key `a`; ids are unique in the database, keys in the test. */
export function message(id: string, changed: Partial<BusMessage> = {}): BusMessage {
  return {
    topic: ALERTS_TOPIC,
    key: id.split('-')[0] ?? id,
    id: `${id}-${(serial += 1)}`,
    type: 'AlertAccepted',
    source: '/countersign/ingest',
    time: '2026-11-24T12:00:00.000Z',
    tenant: 'default',
    schemaVersion: 1,
    actor: { kind: 'source', id: 'siem' },
    correlationId: id,
    data: { name: id },
    ...changed,
  };
}

/** Starts to consume, outside of Nest. `seen` are the names of the messages in the order in which they were handled. */
export async function consume(
  bus: Bus,
  topic: string,
  handler: (name: string, message: BusMessage) => Outcome | Promise<Outcome>,
  extras: HandlerExtras = {},
): Promise<string[]> {
  const seen: string[] = [];
  await consumeBatches(
    bus,
    topic,
    (messages) =>
      Promise.all(
        messages.map(async (received) => {
          const name = nameOf(received);
          seen.push(name);
          return handler(name, received);
        }),
      ),
    extras,
  );
  return seen;
}

export async function consumeBatches(
  bus: Bus,
  topic: string,
  handler: BatchHandler,
  extras: HandlerExtras = {},
): Promise<void> {
  const server = bus.server();
  server.addHandler(topic, handler, true, { ...extras });
  await new Promise<void>((resolve, reject) => {
    server.listen((error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** The name that `message` gave it. */
export const nameOf = (received: BusMessage): string => String(received.data['name'] ?? received.id);

/** Appends `count` events to a stream of the category case, one at a time. */
export async function appendCase(store: EventStore, stream: string, count: number): Promise<void> {
  for (let version = 0; version < count; version += 1) {
    const head = (await store.heads('case', [stream])).get(stream) ?? { version: 0, hash: '' };
    const { status } = await store.append([
      {
        category: 'case',
        stream,
        tenant: 'default',
        expected: head,
        events: [
          {
            id: crypto.randomUUID(),
            type: 'CaseNoted',
            schemaVersion: 1,
            time: new Date().toISOString(),
            actor: { kind: 'service', id: 'case' },
            data: { note: version },
            meta: { correlationId: stream },
          },
        ],
      },
    ]);
    expect(status).toBe('appended');
  }
}
