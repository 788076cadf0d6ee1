import { setTimeout as wait } from 'node:timers/promises';
import { DomainError } from '#libs/kernel';
import { anEvent, toStream } from './event-fixture';
import { type AppendGroup, type EventStore, NO_STREAM } from './port';

/**
 * Appends groups over two of a few streams, as a service would that is under load: decides on the heads it sees, decides
 * again after a conflict, and after an outage appends the very same group again until it has an answer.
 * @param acknowledged is told the ids of the events once they are acknowledged, never before.
 */
export async function writeRelentlessly(
  store: EventStore,
  streams: readonly string[],
  acknowledged: (ids: readonly string[]) => void,
  isOver: () => boolean = () => false,
): Promise<void> {
  for (let round = 0; !isOver(); round += 1) {
    const pair = [streams[round % streams.length] ?? '', streams[(round * 7 + 3) % streams.length] ?? ''];
    const group = await persist(isOver, async () => {
      const heads = await store.heads('case', pair);
      return [...new Set(pair)].map((stream) =>
        toStream(stream, [anEvent(), anEvent()], { expected: heads.get(stream) ?? NO_STREAM }),
      );
    });
    if (group && (await persist(isOver, () => isWritten(store, group)))) {
      acknowledged(group.flatMap(({ events }) => events.map(({ id }) => id)));
    }
  }
}

async function isWritten(store: EventStore, group: AppendGroup): Promise<boolean> {
  const { status } = await store.append(group);
  return status !== 'conflict';
}

/** Undefined only when it is over before there was an answer. */
async function persist<T>(isOver: () => boolean, attempt: () => Promise<T>): Promise<T | undefined> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'database_unavailable') throw error;
      if (isOver()) return undefined;
      await wait(20);
    }
  }
}
