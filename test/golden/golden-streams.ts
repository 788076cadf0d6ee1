import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordedEvent } from '#libs/event-store';
import { repositoryRoot } from '#libs/local';

/** One stream as a released version of the product has written it, whole. */
export interface GoldenStream {
  readonly name: string;
  readonly events: readonly RecordedEvent[];
}

const FOLDER = join(repositoryRoot, 'test', 'golden');

/** The versions of the product that golden streams are kept of. */
export const GOLDEN_VERSIONS = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && /^\d/.test(entry.name))
  .map(({ name }) => name)
  .sort();

export function goldenStreams(version: string): GoldenStream[] {
  const files = readdirSync(join(FOLDER, version)).map((file) => join(FOLDER, version, file));
  const streams = new Map<string, RecordedEvent[]>();
  for (const line of files.flatMap((file) => readFileSync(file, 'utf8').trimEnd().split('\n'))) {
    // Lines of an export, by docs/ledger-format.md.
    const { kind: _, ...event }: RecordedEvent & { kind: 'event' } = JSON.parse(line);
    streams.set(event.stream, [...(streams.get(event.stream) ?? []), event]);
  }
  return [...streams].map(([name, events]) => ({ name, events }));
}

/** The events and messages that a release has contracts of, by the names that their schemas have. */
export function releasedTypes(version: string): string[] {
  const file = join(repositoryRoot, 'contracts', 'released', version, 'events.json');
  return Object.keys(JSON.parse(readFileSync(file, 'utf8')));
}

/** `events/case/CaseOpened.v1`, as `releasedTypes` names it. */
export const typeNameOf = ({ category, type, schemaVersion }: RecordedEvent): string =>
  `events/${category}/${type}.v${schemaVersion}`;
