import type { Static, TSchema } from 'typebox';
import type { Category } from '../envelope';

/** The contract of one event type. A change that is not compatible is a new `version` and an upcaster. */
export interface EventContract<Type extends string = string, Schema extends TSchema = TSchema> {
  readonly category: Category;
  readonly type: Type;
  readonly version: number;
  readonly schema: Schema;
}

/** The contracts of one category from `{Type: schema}`, all at version 1. */
export function eventContracts<const Schemas extends Record<string, TSchema>>(category: Category, schemas: Schemas) {
  return Object.fromEntries(
    Object.entries(schemas).map(([type, schema]) => [type, { category, type, version: 1, schema }]),
  ) as { [Type in keyof Schemas & string]: EventContract<Type, Schemas[Type]> };
}

/** The discriminated union of what a category's events are: `{type: 'CaseOpened', data: {...}} | ...`. */
export type EventOf<Contracts extends Record<string, EventContract>> = {
  [Type in keyof Contracts & string]: { readonly type: Type; readonly data: Static<Contracts[Type]['schema']> };
}[keyof Contracts & string];
