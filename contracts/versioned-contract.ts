import type { Static, TSchema } from 'typebox';
import { DomainError, type JsonObject } from '#libs/kernel';

/** A version of a contract that is written no more. What was written by it stays for ever, and is read by it. */
export interface EarlierVersion {
  readonly schema: TSchema;
  /** Makes its data that of the next version: pure, and an answer to everything that its schema allows. */
  readonly upcast: (data: JsonObject) => JsonObject;
}

/** The contract of what an event or a message of one type says. */
export interface VersionedContract<Type extends string = string, Schema extends TSchema = TSchema> {
  readonly type: Type;
  /** What is written now; the first one is 1. */
  readonly version: number;
  readonly schema: Schema;
  /** Versions 1 to `version - 1`, in order. */
  readonly earlier: readonly EarlierVersion[];
}

/** The schema of now and the versions before it: `revised(SchemaOfNow, earlier(SchemaOf1, (data) => ({ ...data, a: 0 })))`. */
interface Revised<Schema extends TSchema> {
  readonly schema: Schema;
  readonly earlier: readonly EarlierVersion[];
}
type SchemaOf<Given> = Given extends Revised<infer Schema> ? Schema : Given extends TSchema ? Given : never;

/** Contracts by type, as `versioned` takes them: a schema, or where it has changed what `revised` gives. */
export type GivenContracts = Record<string, TSchema | Revised<TSchema>>;
export type Versioned<Given extends GivenContracts> = {
  [Type in keyof Given & string]: VersionedContract<Type, SchemaOf<Given[Type]>>;
};

/** A contract that has changed: the schema of now after the earlier ones, oldest first. The version counts them. */
export const revised = <Schema extends TSchema>(
  schema: Schema,
  ...versions: readonly [EarlierVersion, ...EarlierVersion[]]
): Revised<Schema> => ({ schema, earlier: versions });

export const earlier = <Schema extends TSchema>(
  schema: Schema,
  upcast: (data: Static<Schema>) => JsonObject,
): EarlierVersion => ({
  schema,
  // What stands in the ledger under this version was written by this schema.
  upcast: (data) => upcast(data as Static<Schema>),
});

export function versioned<const Given extends GivenContracts>(given: Given): Versioned<Given> {
  const contracts = Object.entries(given).map(([type, contract]): [string, VersionedContract] => {
    const { schema, earlier: versions } = isRevised(contract) ? contract : { schema: contract, earlier: [] };
    return [type, { type, version: versions.length + 1, schema, earlier: versions }];
  });
  return Object.fromEntries(contracts) as Versioned<Given>;
}

const isRevised = (contract: TSchema | Revised<TSchema>): contract is Revised<TSchema> => 'earlier' in contract;

/**
 * An event or a message in the version that this release writes, whatever release has written it. It is the same object
 * when there is nothing to do, and as it is when its type has no contract here.
 *
 * For everything that interprets data. What proves, exports or passes events on takes them as they are stored: hash and
 * signature are over that.
 *
 * @throws DomainError('unknown_schema_version') for a version that only a later release knows; ('internal') when an
 * upcaster fails.
 */
export function upcast<Item extends Versionable>(contract: VersionedContract | undefined, item: Item): Item {
  if (contract === undefined || item.schemaVersion === contract.version) return item;
  const { type, schemaVersion } = item;
  if (schemaVersion > contract.version) {
    throw new DomainError('unknown_schema_version', {
      field: 'schemaVersion',
      reason: `${type} has version ${schemaVersion}; this release knows it up to version ${contract.version}`,
    });
  }
  try {
    const steps = contract.earlier.slice(schemaVersion - 1);
    const data = steps.reduce<JsonObject>((before, step) => step.upcast(before), item.data);
    return { ...item, schemaVersion: contract.version, data };
  } catch (cause) {
    const reason = `${type} of version ${schemaVersion} cannot be brought to version ${contract.version}: ${String(cause)}`;
    throw new DomainError('internal', { field: 'data', reason, cause });
  }
}

/** What the data of an event or a message of that version is; undefined for one that this release does not know. */
export function schemaOf(contract: VersionedContract | undefined, schemaVersion: number): TSchema | undefined {
  if (contract === undefined || contract.version === schemaVersion) return contract?.schema;
  return contract.earlier[schemaVersion - 1]?.schema;
}

interface Versionable {
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: JsonObject;
}
