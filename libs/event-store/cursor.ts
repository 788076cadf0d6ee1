import { DomainError } from '#libs/kernel';
import type { Cursor, RecordedEvent } from './port';

/** What a cursor says inside: the last event seen, in (tx, position) order. Decimal strings. */
export interface CursorPoint {
  readonly tx: string;
  readonly position: string;
}

const BEGINNING: CursorPoint = { tx: '0', position: '0' };
const CURSOR = /^(\d{1,20})\.(\d{1,19})$/;
const MAX_TX = 2n ** 64n - 1n;
const MAX_POSITION = 2n ** 63n - 1n;

/** The cursor after an event: for a reader that stops in the middle of a page. */
export function cursorAt(event: CursorPoint | RecordedEvent): Cursor {
  return `${event.tx}.${event.position}`;
}

/** The cursor of a reader that sees the event at that place next. */
export function cursorBefore({ tx, position }: CursorPoint): Cursor {
  return cursorAt({ tx, position: String(BigInt(position) - 1n) });
}

/** @throws DomainError('invalid_cursor') for a text that no store has made. */
export function cursorPoint(cursor: Cursor | undefined): CursorPoint {
  if (cursor === undefined) return BEGINNING;
  const [, tx, position] = CURSOR.exec(cursor) ?? [];
  if (tx === undefined || position === undefined || BigInt(tx) > MAX_TX || BigInt(position) > MAX_POSITION) {
    throw new DomainError('invalid_cursor', {
      field: 'cursor',
      reason: 'not a cursor of this ledger; leave it out to begin',
    });
  }
  return { tx, position };
}
