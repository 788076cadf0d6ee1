import type { EntityMetadata } from 'typeorm';
import { booleanArray, intArray, jsonbArray, momentArray, textArray, uuidArray } from '#libs/event-store';

type Column = EntityMetadata['columns'][number];

/**
 * The values of a column, one of each row, as a parameter of an array: in PostgreSQL's binary format for the types that our
 * tables have, as pg writes it for others. `undefined` becomes null.
 */
export function arrayParameter(column: Column, rows: readonly object[]): unknown {
  const values = rows.map((row): unknown => column.getEntityValue(row) ?? null);
  // The entity's class says what its properties hold, and PostgreSQL refuses what it does not.
  switch (column.type) {
    case 'uuid':
      return uuidArray(values as (string | null)[]);
    case 'text':
      return textArray(values as (string | null)[]);
    case 'integer':
      return intArray(values as (number | null)[]);
    case 'boolean':
      return booleanArray(values as (boolean | null)[]);
    case 'timestamptz':
      return momentArray(values as (Date | null)[]);
    case 'jsonb':
      return jsonbArray(values.map((value) => (value === null ? null : JSON.stringify(value))));
    default:
      return values;
  }
}
