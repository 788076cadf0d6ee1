import type { Static, TSchema } from 'typebox';
import type { Category } from '../envelope';
import { type GivenContracts, versioned, type Versioned, type VersionedContract } from '../versioned-contract';

/** The contract of one event type. A change that is not compatible is a new version and an upcaster (docs/evolution.md). */
export interface EventContract<
  Type extends string = string,
  Schema extends TSchema = TSchema,
> extends VersionedContract<Type, Schema> {
  readonly category: Category;
}

/** The contracts of one category from `{Type: schema}`, or `{Type: revised(schema, earlier(...))}` where one has changed. */
export function eventContracts<const Given extends GivenContracts>(category: Category, given: Given) {
  const contracts = Object.entries<VersionedContract>(versioned(given));
  return Object.fromEntries(contracts.map(([type, contract]) => [type, { category, ...contract }])) as {
    [Type in keyof Given & string]: { readonly category: Category } & Versioned<Given>[Type];
  };
}

/** The discriminated union of what a category's events are: `{type: 'CaseOpened', data: {...}} | ...`. */
export type EventOf<Contracts extends Record<string, EventContract>> = {
  [Type in keyof Contracts & string]: { readonly type: Type; readonly data: Static<Contracts[Type]['schema']> };
}[keyof Contracts & string];
