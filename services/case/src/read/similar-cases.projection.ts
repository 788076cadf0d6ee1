import type { EntityManager } from 'typeorm';
import type { Observable } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import { type RecordedEvent, textArray, uuidArray } from '#libs/event-store';
import { deterministicId } from '#libs/kernel';
import { type Projection, tableOf } from '#libs/read-model';
import { alertDataOf } from './case-content';
import { CaseObservablesRow, SharedObservableRow } from './similar-cases.entity';

/** What more cases have in common says nothing about any two of them: a resolver, a proxy, a scanner. */
export const HOT_CASES = 50;
/** The first so many observables of a case are compared. */
const MAX_COMPARED = 200;

export const observableKey = (tenant: string, { type, value }: Pick<Observable, 'type' | 'value'>): string =>
  deterministicId('observable', tenant, type, value.trim().toLowerCase());

/**
 * Which cases have an observable in common: a row for each observable and one for each case, and never one for a pair of
 * them, or for an alert.
 */
export class SimilarCasesProjection implements Projection {
  readonly name = 'similar-cases';
  readonly categories = ['case'] as const;
  readonly entities = [SharedObservableRow, CaseObservablesRow];

  async apply(recorded: readonly RecordedEvent[], tx: EntityManager): Promise<void> {
    // The ledger holds only what this service has written to the category, by its contract.
    const events = recorded as unknown as readonly (RecordedEvent & CaseEvent)[];
    const keyOf = rememberedKeys();
    const named = new Map<string, Named>();
    for (const event of events) {
      const { tenant } = event;
      const data = alertDataOf(event);
      for (const one of data?.observables ?? []) {
        const key = keyOf(tenant, one);
        const { caseId } = event.data;
        const name = `${caseId} ${key}`;
        if (!named.has(name)) named.set(name, { tenant, caseId, key });
      }
    }
    if (named.size > 0) await tx.query(statement(tx), parameters([...named.values()]));
  }
}

/** A storm names the same thing in each of its alerts. */
function rememberedKeys(): typeof observableKey {
  const known = new Map<string, string>();
  return (tenant, one) => {
    const name = JSON.stringify([tenant, one.type, one.value]);
    const key = known.get(name) ?? observableKey(tenant, one);
    known.set(name, key);
    return key;
  };
}

/** An observable of a case. */
interface Named {
  readonly tenant: string;
  readonly caseId: string;
  readonly key: string;
}

/** @param named each once, in the order in which they came. */
const parameters = (named: readonly Named[]): Buffer[] => [
  uuidArray(named.map(({ caseId }) => caseId)),
  textArray(named.map(({ tenant }) => tenant)),
  uuidArray(named.map(({ key }) => key)),
];

/**
 * Adds what is new to its case to the case, and the case to it. In one statement, so that what is known already, which is
 * most of what a storm names, is neither read nor written anew.
 */
function statement(tx: EntityManager): string {
  const [shared, compared] = [SharedObservableRow, CaseObservablesRow].map((entity) =>
    tableOf(tx.connection.getMetadata(entity)),
  );
  return `
    with fresh as (
      select n.*, coalesce(cardinality(known.keys), 0) + row_number() over (partition by n.case_id order by n.place) as number
        from unnest($1::uuid[], $2::text[], $3::uuid[]) with ordinality as n (case_id, tenant, key, place)
        left join ${compared} known on known.case_id = n.case_id
       where known.case_id is null or n.key <> all (known.keys)
    ), added as materialized (
      select * from fresh where number <= ${MAX_COMPARED}
    ), of_cases as (
      insert into ${compared} as known (case_id, tenant, keys)
      select case_id, tenant, array_agg(key order by place) from added group by case_id, tenant
      on conflict (case_id) do update set keys = known.keys || excluded.keys
    )
    insert into ${shared} as known (key, tenant, cases, members)
    select key, tenant, count(*), (array_agg(case_id order by place))[1:${HOT_CASES}] from added group by key, tenant
    on conflict (key) do update
      set cases = known.cases + excluded.cases, members = (known.members || excluded.members)[1:${HOT_CASES}]`;
}
