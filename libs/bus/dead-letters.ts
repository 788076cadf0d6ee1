import type { Pool } from 'pg';
import { DomainError, isUuid } from '#libs/kernel';
import type { RawMessage } from './dead-letter-office';
import type { BusMessage } from './port';
import { inTransaction } from './transaction';

export type DeadLetterStatus = 'open' | 'retried' | 'dropped';

/** A message that a consumer group could not take in: where, why, and the whole of it (invariant 8). */
export interface DeadLetter {
  readonly id: string;
  readonly group: string;
  readonly topic: string;
  readonly key: string;
  readonly messageId: string;
  /** Empty when the message does not even say so. */
  readonly tenant: string;
  readonly code: string;
  readonly reason: string;
  readonly field?: string;
  readonly attempts: number;
  readonly status: DeadLetterStatus;
  /** RFC 3339, by the database's clock. */
  readonly diedAt: string;
  readonly decidedAt?: string;
  readonly decidedBy?: string;
  readonly message: BusMessage | RawMessage;
}

export interface DeadLetterFilter {
  /** Whose letters. Those that name no tenant, because they were no messages, belong to nobody: see `unattributed`. */
  readonly tenant: string;
  /** Those without a tenant too: for the administrator of the installation. */
  readonly unattributed?: boolean;
  readonly topic?: string;
  readonly group?: string;
  readonly status?: DeadLetterStatus;
  readonly cursor?: string;
  readonly limit: number;
}

/** Which letters the caller may see and decide on. */
export type DeadLetterScope = Pick<DeadLetterFilter, 'tenant' | 'unattributed'>;

const CURSOR = /^(\d{4}-\d{2}-\d{2}T[\d:.]+Z)~([0-9a-f-]{36})$/;
const TIME = `to_char(%s at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const timeOf = (column: string) => TIME.replace('%s', column);
const COLUMNS = `id, consumer_group as "group", topic, key, message_id as "messageId", tenant, code, reason, field,
  attempts, status, ${timeOf('died_at')} as "diedAt", ${timeOf('decided_at')} as "decidedAt",
  decided_by as "decidedBy", message`;

/** The dead letters of all consumer groups, for the operator. The pool acts as the ledger service's role. */
export class DeadLetters {
  constructor(private readonly pool: Pool) {}

  /** The latest first. `cursor` of the answer is absent on the last page. */
  async list(filter: DeadLetterFilter): Promise<{ items: DeadLetter[]; cursor?: string }> {
    const [, diedAt, id] = CURSOR.exec(filter.cursor ?? '') ?? [];
    if (filter.cursor !== undefined && id === undefined) {
      throw new DomainError('invalid_cursor', { field: 'cursor', reason: 'is not one that this list has given' });
    }
    const { rows } = await this.pool.query<Nullable<DeadLetter>>(
      `select ${COLUMNS} from bus.dead_letter
       where tenant = any($1) and ($2::text is null or topic = $2) and ($3::text is null or consumer_group = $3)
         and ($4::text is null or status = $4)
         and ($5::timestamptz is null or (died_at, id) < ($5::timestamptz, $6::uuid))
       order by died_at desc, id desc limit $7`,
      [tenants(filter), filter.topic, filter.group, filter.status, diedAt, id, filter.limit + 1],
    );
    const items = rows.slice(0, filter.limit).map(present);
    const last = items.at(-1);
    return { items, cursor: rows.length > filter.limit && last ? `${last.diedAt}~${last.id}` : undefined };
  }

  /** @throws DomainError('not_found') also for a letter of another tenant. */
  async show(id: string, scope: DeadLetterScope): Promise<DeadLetter> {
    const { rows } = await this.pool.query<Nullable<DeadLetter>>(
      `select ${COLUMNS} from bus.dead_letter where id = $1 and tenant = any($2)`,
      [demandUuid(id), tenants(scope)],
    );
    if (!rows[0]) throw notFound(id);
    return present(rows[0]);
  }

  /**
   * Puts the message back for its consumer group, as one that is due now, behind what waits of its key. A letter that
   * dies again is open again.
   * @param by the subject of who decided.
   * @param renew what to put back in its place, for messages that have had their outcome.
   * @throws DomainError('invalid_transition') for a letter that is not open, or that never was a message.
   */
  async retry(
    id: string,
    scope: DeadLetterScope,
    by: string,
    renew: (message: BusMessage, group: string) => BusMessage = (message) => message,
  ): Promise<DeadLetter> {
    return inTransaction(this.pool, async (tx) => {
      const letter = await this.decide(tx, id, scope, 'retried', by);
      if ('raw' in letter.message) {
        throw new DomainError('invalid_transition', {
          field: 'id',
          reason: `what ${id} holds is not a message that a handler could take; have its sender publish it again, then drop it`,
        });
      }
      const message = renew(letter.message, letter.group);
      await tx.query(
        `insert into bus.parked (consumer_group, topic, key, message_id, message, due_at, reason)
         values ($1, $2, $3, $4, $5, clock_timestamp(), 'retried by an operator')
         on conflict (consumer_group, topic, message_id) do nothing`,
        [letter.group, letter.topic, message.key, message.id, JSON.stringify(message)],
      );
      return letter;
    });
  }

  /** Takes note that the message is not to be handled. @throws DomainError('invalid_transition') when it is not open. */
  async drop(id: string, scope: DeadLetterScope, by: string): Promise<DeadLetter> {
    return this.decide(this.pool, id, scope, 'dropped', by);
  }

  private async decide(
    tx: Pick<Pool, 'query'>,
    id: string,
    scope: DeadLetterScope,
    status: DeadLetterStatus,
    by: string,
  ): Promise<DeadLetter> {
    const { rows } = await tx.query<Nullable<DeadLetter>>(
      `update bus.dead_letter set status = $3, decided_at = clock_timestamp(), decided_by = $4
       where id = $1 and tenant = any($2) and status = 'open' returning ${COLUMNS}`,
      [demandUuid(id), tenants(scope), status, by],
    );
    if (rows[0]) return present(rows[0]);
    const letter = await this.show(id, scope);
    throw new DomainError('invalid_transition', { field: 'id', reason: `the dead letter ${id} is ${letter.status}` });
  }
}

type Nullable<T> = { [K in keyof T]: T[K] | (undefined extends T[K] ? null : never) };

function present({ field, decidedAt, decidedBy, ...letter }: Nullable<DeadLetter>): DeadLetter {
  return {
    ...letter,
    field: field ?? undefined,
    decidedAt: decidedAt ?? undefined,
    decidedBy: decidedBy ?? undefined,
  };
}

function tenants(scope: DeadLetterScope): string[] {
  return scope.unattributed ? [scope.tenant, ''] : [scope.tenant];
}

function demandUuid(id: string): string {
  if (!isUuid(id)) throw notFound(id);
  return id;
}

function notFound(id: string): DomainError {
  return new DomainError('not_found', { field: 'id', reason: `there is no dead letter ${id}` });
}
