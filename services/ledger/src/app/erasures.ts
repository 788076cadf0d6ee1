import { setTimeout as wait } from 'node:timers/promises';
import type { PersonalDataErased } from '#contracts/events/audit';
import type { Erasure, EraseBody } from '#contracts/http/ledger';
import type { Cursor } from '#libs/event-store';
import { deterministicId, DomainError, newId } from '#libs/kernel';
import { person, record, type Subject } from '#libs/personal-data';
import type { ServiceContext } from '#libs/service';
import { walkStream } from '../adapters/ledger-walk';
import { appendToAudit, type Reading } from './audit-stream';
import { demandStream } from './stream-access';

const PAGE = 1000;
/** "cspd": one process at a time changes the keys. */
const KEYS_LOCK = 0x63737064;
/** For the event to become visible: a transaction that is open anywhere in the server holds it back. */
const PATIENCE_MS = 10_000;

type Parts = Pick<ServiceContext, 'store' | 'ledgerPool' | 'clock' | 'personal' | 'personalKeys'>;

/**
 * Erases personal data: an event says who, when and why, and the keys that it names are destroyed. The event comes first
 * and the keys follow the ledger, so that neither a crash between the two nor a restored file of keys leaves one of them
 * alive for longer than until the next start.
 */
export class Erasures {
  /** How far this process has read the ledger since the keys were changed last. */
  private read: { readonly upTo: string | null; readonly cursor: Cursor | undefined } | undefined;

  constructor(private readonly parts: Parts) {}

  /**
   * @throws DomainError('not_found') for a record that the tenant has not; ('invalid_field') when nothing is named;
   * ('service_unavailable') when the keys still stand after 10 s: it is recorded, and they go as soon as can be.
   */
  async erase(body: EraseBody, reading: Reading): Promise<Erasure> {
    const { tenant } = reading.principal;
    const { records, cases } = await this.recordsOf(body.records ?? [], tenant);
    const persons = [...new Set(body.persons ?? [])].map((name) => person(tenant, name));
    const subjects: Subject[] = [...persons, ...records.map((name) => record(tenant, name))];
    if (subjects.length === 0) {
      throw new DomainError('invalid_field', { field: 'records', reason: 'and persons are empty: nothing to erase' });
    }
    const keys = [...new Set(subjects.map((subject) => this.parts.personal.keyNameOf(subject)))];
    const { reason } = body;
    const data: PersonalDataErased = { erasureId: newId(), records, cases, persons: persons.length, keys, reason };
    const stream = `audit-erasures-${deterministicId('erasures', tenant)}`;
    const busy = 'Too many erasures at the same time; try again.';
    const time = await appendToAudit(
      this.parts,
      { stream, event: { type: 'PersonalDataErased', data }, busy },
      reading,
    );
    for (const until = Date.now() + PATIENCE_MS; !this.parts.personal.areDestroyed(keys); await wait(20)) {
      if (Date.now() > until) {
        throw new DomainError(
          'service_unavailable',
          'The erasure is recorded, and its keys go as soon as it is visible',
        );
      }
      await this.carryOut();
    }
    return { erasureId: data.erasureId, time, records, persons: persons.length };
  }

  /** Destroys every key that the ledger says is to be, and that is still there. */
  async carryOut(): Promise<void> {
    const { ledgerPool } = this.parts;
    const client = await ledgerPool.connect();
    try {
      await client.query('select pg_advisory_lock($1)', [KEYS_LOCK]);
      await this.follow().finally(() => client.query('select pg_advisory_unlock($1)', [KEYS_LOCK]));
    } finally {
      client.release();
    }
  }

  private async follow(): Promise<void> {
    const { store, personalKeys } = this.parts;
    personalKeys.look();
    const ring = personalKeys.ring();
    let cursor = this.read?.upTo === ring.upTo ? this.read.cursor : (ring.upTo ?? undefined);
    const keys: string[] = [];
    for (;;) {
      const page = await store.readAfter(cursor, { categories: ['audit'], limit: PAGE });
      for (const { type, data } of page.events) {
        // What this service has written, by its contract.
        if (type === 'PersonalDataErased') keys.push(...(data as unknown as PersonalDataErased).keys);
      }
      cursor = page.cursor;
      if (page.events.length < PAGE) break;
    }
    if (keys.length > 0) await personalKeys.replace(ring.without(keys, cursor ?? null));
    this.read = { upTo: personalKeys.ring().upTo, cursor };
  }

  /** A case's texts lie under its alerts' keys too: they go with it. */
  private async recordsOf(named: readonly string[], tenant: string): Promise<{ records: string[]; cases: string[] }> {
    const { store } = this.parts;
    const records = new Set(named);
    const cases = new Set<string>();
    for (const stream of named) {
      const category = await demandStream(store, stream, tenant);
      if (category === 'case') cases.add(stream.slice('case-'.length));
      if (category !== 'case' && category !== 'alert') continue;
      for await (const page of walkStream(store, category, stream)) {
        for (const { alertId, caseId } of page.map(({ data }) => data)) {
          if (category === 'case' && typeof alertId === 'string') records.add(`alert-${alertId}`);
          if (category === 'alert' && typeof caseId === 'string') cases.add(caseId);
        }
      }
    }
    return { records: [...records], cases: [...cases] };
  }
}
