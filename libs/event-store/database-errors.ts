import { DatabaseError } from 'pg';
import { DomainError } from '#libs/kernel';

/** What an error of the database means to a writer. */
export type DatabaseTrouble =
  /** Somebody else was first, or PostgreSQL chose this transaction to end a deadlock: do the same again. */
  | 'lost_race'
  /** One of the rows cannot be written, whenever it is tried. */
  | 'refused'
  /** The role may not write there. */
  | 'not_permitted'
  /** The connection, the server or the schema is not there: the outcome of a write is unknown. */
  | 'unavailable';

const LOST_RACE: ReadonlySet<string> = new Set(['23505', '40001', '40P01']);

export function databaseTrouble(error: unknown): DatabaseTrouble {
  if (!(error instanceof DatabaseError) || error.code === undefined) return 'unavailable';
  if (LOST_RACE.has(error.code)) return 'lost_race';
  if (error.code === '42501') return 'not_permitted';
  // Data exceptions, integrity constraints, program limits (a document that nests too deep for PostgreSQL's parser).
  return ['22', '23', '54'].includes(error.code.slice(0, 2)) ? 'refused' : 'unavailable';
}

const NOT_MIGRATED: ReadonlySet<string> = new Set(['42P01', '42703', '42883', '3F000']);

/** The DomainError for whatever a query has thrown. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof TypeError || error instanceof RangeError) {
    return new DomainError('internal', { reason: error.message, cause: error });
  }
  const message = error instanceof Error ? error.message || error.name : String(error);
  switch (databaseTrouble(error)) {
    case 'not_permitted':
      return new DomainError('permission_missing', {
        reason: `the ledger refuses this role: ${message}`,
        cause: error,
      });
    case 'refused':
      return new DomainError('invalid_field', { reason: `the ledger cannot hold this: ${message}`, cause: error });
    case 'lost_race':
    case 'unavailable': {
      const code = error instanceof DatabaseError ? (error.code ?? '') : '';
      const advice = NOT_MIGRATED.has(code) ? '; the schema is missing or old: run `countersign migrate`' : '';
      return new DomainError('database_unavailable', {
        reason: `the ledger does not answer: ${message}${advice}`,
        cause: error,
      });
    }
  }
}
