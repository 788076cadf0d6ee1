import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { CaseEvent } from '#contracts/events/case';
import type { BusMessage } from '#libs/bus';
import { ALL_TENANTS, findRows, upsertRows, withTenant } from '#libs/read-model';
import { caseVariables } from '../domain/case-variables';
import { CaseFactsRow } from '../read/case-facts.entity';

/** An event of a case, and the case as it stands after it. */
export interface CaseNews {
  readonly message: BusMessage;
  readonly event: CaseEvent;
  /** Undefined when the copy knows nothing of the case, and the event does not tell. */
  readonly facts: CaseFactsRow | undefined;
}

/** This service's own copy of what runs need to know of a case. */
@Injectable()
export class CaseFacts {
  constructor(@Inject(DataSource) private readonly database: DataSource) {}

  async find(tenant: string, caseId: string): Promise<CaseFactsRow | undefined> {
    const row = await withTenant(this.database, tenant, (tx) => tx.findOneBy(CaseFactsRow, { tenant, caseId }));
    return row ?? undefined;
  }

  /**
   * Takes a batch in, in two statements however many alerts join a case. An event that is older than the copy changes
   * nothing in it, and is answered as if it were new: the variables are those of its own alert.
   */
  async keep(batch: readonly { readonly message: BusMessage; readonly event: CaseEvent }[]): Promise<CaseNews[]> {
    if (batch.length === 0) return [];
    return withTenant(this.database, ALL_TENANTS, async (tx) => {
      const caseIds = batch.map(({ event }) => event.data.caseId);
      const known = await findRows(tx, CaseFactsRow, 'caseId', caseIds);
      const latest = new Map(known.map((row) => [keyOf(row.tenant, row.caseId), row]));
      const changed = new Set<string>();
      const news = batch.map(({ message, event }): CaseNews => {
        const { tenant, streamVersion = 0 } = message;
        const key = keyOf(tenant, event.data.caseId);
        const before = latest.get(key);
        const facts = after(before, tenant, streamVersion, event);
        if (facts !== undefined && (before === undefined || before.streamVersion < streamVersion)) {
          latest.set(key, facts);
          changed.add(key);
        }
        return { message, event, facts };
      });
      const rows = [...changed].flatMap((key) => latest.get(key) ?? []);
      await upsertRows(tx, CaseFactsRow, rows);
      return news;
    });
  }
}

const keyOf = (tenant: string, caseId: string): string => `${tenant} ${caseId}`;

function after(
  known: CaseFactsRow | undefined,
  tenant: string,
  streamVersion: number,
  event: CaseEvent,
): CaseFactsRow | undefined {
  const closed = known?.closed ?? false;
  switch (event.type) {
    case 'CaseOpened': {
      const { caseId, title, severity, rule } = event.data;
      const facts = { title, severity, rule };
      return { tenant, caseId, ...facts, closed, variables: caseVariables(event, facts), streamVersion };
    }
    case 'AlertGrouped': {
      const { caseId, alertTitle, alertSeverity, rule } = event.data;
      // Events of a case come in order: without its beginning, this one tells what it can.
      const { title, severity } = known ?? { title: alertTitle, severity: alertSeverity };
      const facts = { title, severity, rule: known?.rule ?? rule };
      return { tenant, caseId, ...facts, closed, variables: caseVariables(event, facts), streamVersion };
    }
    case 'CaseSeverityChanged': {
      const { to } = event.data;
      return (
        known && { ...known, severity: to, variables: { ...known.variables, __case_severity__: to }, streamVersion }
      );
    }
    case 'CaseStatusChanged':
      return known && { ...known, closed: event.data.to === 'closed', streamVersion };
    default:
      return known && { ...known, streamVersion };
  }
}
