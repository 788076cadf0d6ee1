import { Any, type EntityManager } from 'typeorm';
import type { Observable } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import type { RecordedEvent } from '#libs/event-store';
import { deterministicId } from '#libs/kernel';
import { type Projection, upsertRows } from '#libs/read-model';
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
    const named = events.flatMap((event) => {
      const data = alertDataOf(event);
      if (!data) return [];
      const { tenant } = event;
      return [{ tenant, caseId: data.caseId, keys: data.observables.map((one) => keyOf(tenant, one)) }];
    });
    const cases = await casesIn(named, tx);
    const fresh: { key: string; tenant: string; caseId: string }[] = [];
    const changed = new Set<CaseOfKeys>();
    for (const { tenant, caseId, keys } of named) {
      const known = cases.get(caseId) ?? { tenant, keys: new Set<string>() };
      cases.set(caseId, known);
      for (const key of keys) {
        if (known.keys.has(key) || known.keys.size >= MAX_COMPARED) continue;
        known.keys.add(key);
        changed.add(known);
        fresh.push({ key, tenant, caseId });
      }
    }
    const rows = [...cases].filter(([, one]) => changed.has(one));
    await upsertRows(
      tx,
      CaseObservablesRow,
      rows.map(([caseId, { tenant, keys }]) => ({ caseId, tenant, keys: [...keys] })),
    );
    await count(fresh, tx);
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

interface CaseOfKeys {
  readonly tenant: string;
  readonly keys: Set<string>;
}

async function casesIn(named: readonly { readonly caseId: string }[], tx: EntityManager) {
  const ids = [...new Set(named.map(({ caseId }) => caseId))];
  const rows = ids.length === 0 ? [] : await tx.findBy(CaseObservablesRow, { caseId: Any(ids) });
  return new Map<string, CaseOfKeys>(rows.map(({ caseId, tenant, keys }) => [caseId, { tenant, keys: new Set(keys) }]));
}

async function count(
  fresh: readonly { readonly key: string; readonly tenant: string; readonly caseId: string }[],
  tx: EntityManager,
): Promise<void> {
  const keys = [...new Set(fresh.map(({ key }) => key))];
  if (keys.length === 0) return;
  const rows = new Map((await tx.findBy(SharedObservableRow, { key: Any(keys) })).map((row) => [row.key, row]));
  for (const { key, tenant, caseId } of fresh) {
    const { cases, members } = rows.get(key) ?? { cases: 0, members: [] };
    const isMember = members.length < HOT_CASES;
    rows.set(key, { key, tenant, cases: cases + 1, members: isMember ? [...members, caseId] : members });
  }
  await upsertRows(tx, SharedObservableRow, [...rows.values()]);
}
