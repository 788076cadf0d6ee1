import { newId } from '#libs/kernel';
import { NO_STREAM, type RecordedEvent } from '#libs/event-store';
import { useMigratedPostgres } from '#libs/testing';
import { startService } from '.';
import { definition, endpoints, logger, useNotesService } from './notes-harness';

const postgres = useMigratedPostgres();
const harness = useNotesService(postgres);

/** An event as a later release may have written it. */
const fromLaterRelease = {
  id: newId(),
  type: 'CaseNoteAdded',
  schemaVersion: 99,
  time: '2026-11-24T09:30:00.000Z',
  actor: { kind: 'human', id: 'arno' },
  data: { note: 'as nobody here knows it' },
  meta: { correlationId: 'c-1' },
} as const;

describe('the store that a service is given', () => {
  const stream = `case-${newId()}`;
  let recorded: readonly RecordedEvent[];

  beforeAll(async () => {
    const group = [
      { category: 'case', stream, tenant: 'default', expected: NO_STREAM, events: [fromLaterRelease] },
    ] as const;
    const result = await harness.service.context.store.append(group);
    recorded = result.status === 'appended' ? result.events : [];
  });

  it('hands out no event that this release could only guess at', async () => {
    await expect(harness.service.context.store.readStream('case', stream)).rejects.toMatchObject({
      code: 'unknown_schema_version',
      reason: expect.stringContaining('CaseNoteAdded has version 99; this release knows it up to version'),
    });
  });

  it('hands every event out as it is stored where the service only proves and passes on', async () => {
    const asStored = { ...definition, readsAsStored: true } as const;
    const proving = await startService(asStored, { env: harness.environment, endpoints, logger });
    try {
      const sealed = { actor: { kind: 'human', id: { enc: expect.stringMatching(/^1\./) } } };
      expect(await proving.context.store.readStream('case', stream)).toEqual(
        recorded.map((event) => ({ ...event, ...sealed })),
      );
    } finally {
      await proving.stop();
    }
  });
});
