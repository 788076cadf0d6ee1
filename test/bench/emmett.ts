import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { JsonObject } from '../../libs/kernel';
import { repositoryRoot } from '../../libs/local';

export interface EmmettEvent {
  readonly type: string;
  readonly data: JsonObject;
  readonly metadata: JsonObject;
}

export interface EmmettStore {
  appendToStream(
    stream: string,
    events: readonly EmmettEvent[],
    options: { readonly expectedStreamVersion: bigint },
  ): Promise<{ readonly nextExpectedStreamVersion: bigint }>;
  close(): Promise<void>;
}

/** What the benches use of `@event-driven-io/emmett-postgresql`. */
interface Emmett {
  getPostgreSQLEventStore(url: string): EmmettStore & { readonly schema: { migrate(): Promise<unknown> } };
  /** One page of its global order; what its consumers and projections read by. */
  readMessagesBatch(
    execute: { query(sql: string): Promise<unknown> },
    page: { readonly after: bigint; readonly batchSize: number },
  ): Promise<{ readonly messages: readonly unknown[]; readonly currentGlobalPosition: bigint }>;
}

/** The package lies in this folder's node_modules, and only once a bench has needed it: hence no import of its types. */
export function loadEmmett(): Emmett {
  const requireThere = createRequire(join(repositoryRoot, 'test', 'bench', 'package.json'));
  return requireThere('@event-driven-io/emmett-postgresql') as Emmett;
}

/** An event store of Emmett's in a database that is empty so far. */
export async function openEmmett(url: string): Promise<EmmettStore> {
  const store = loadEmmett().getPostgreSQLEventStore(url);
  await store.schema.migrate();
  return store;
}
