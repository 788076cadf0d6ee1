import type { Category } from '#contracts/envelope';
import { type ArchiveRecord, type ArchiveSource, comparePlaces } from './archive-source';
import type { CursorPoint } from './cursor';

/**
 * What readers have been told of archives. It saves reading twice and can be out of date: each page of the database names
 * those that there are, and is read again when it names more.
 */
export class ArchivesAhead {
  private readonly known = new Map<number, ArchiveRecord>();

  constructor(readonly source: ArchiveSource) {}

  /** Takes over what a page has named instead of what was expected; whether that was the same. */
  learn(expected: readonly ArchiveRecord[], named: readonly ArchiveRecord[]): boolean {
    for (const { number } of expected) this.known.delete(number);
    for (const archive of named) this.known.set(archive.number, archive);
    return expected.length === named.length && expected.every(({ number }) => this.known.has(number));
  }

  /** Those that reach beyond a place. */
  beyond(place: CursorPoint, categories: readonly Category[]): ArchiveRecord[] {
    return [...this.known.values()].filter(
      ({ category, last }) => categories.includes(category) && comparePlaces(last, place) > 0,
    );
  }
}
