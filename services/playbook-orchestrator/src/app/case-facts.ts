import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { CaseEvent } from '#contracts/events/case';
import type { BusMessage } from '#libs/bus';
import { withTenant } from '#libs/read-model';
import { caseVariables } from '../domain/case-variables';
import { CaseFactsRow } from '../read/case-facts.entity';

/** This service's own copy of what runs need to know of a case. */
@Injectable()
export class CaseFacts {
  constructor(@Inject(DataSource) private readonly database: DataSource) {}

  async find(tenant: string, caseId: string): Promise<CaseFactsRow | undefined> {
    const row = await withTenant(this.database, tenant, (tx) => tx.findOneBy(CaseFactsRow, { tenant, caseId }));
    return row ?? undefined;
  }

  /**
   * Takes an event of the case in, and gives the variables that it carries: undefined for an event that triggers
   * nothing. A redelivered event changes nothing and gives the same variables.
   */
  async keep(
    { tenant, streamVersion = 0 }: BusMessage,
    event: CaseEvent,
  ): Promise<Record<string, string | null> | undefined> {
    const { caseId } = event.data;
    return withTenant(this.database, tenant, async (tx) => {
      const known = await tx.findOneBy(CaseFactsRow, { tenant, caseId });
      const next = after(known, tenant, event);
      if (next !== undefined && (known === null || known.streamVersion < streamVersion)) {
        await tx.save(CaseFactsRow, { ...next, streamVersion });
      }
      return event.type === 'CaseOpened' || event.type === 'AlertGrouped' ? next?.variables : undefined;
    });
  }
}

type Facts = Omit<CaseFactsRow, 'streamVersion'>;

/** Undefined for what changes nothing here. */
function after(known: CaseFactsRow | null, tenant: string, event: CaseEvent): Facts | undefined {
  switch (event.type) {
    case 'CaseOpened': {
      const { caseId, title, severity, rule } = event.data;
      const facts = { title, severity, rule };
      return { tenant, caseId, ...facts, closed: known?.closed ?? false, variables: caseVariables(event, facts) };
    }
    case 'AlertGrouped': {
      // Events of a case come in order: without its beginning, this one tells what it can.
      const { caseId, alertTitle, alertSeverity, rule } = event.data;
      const facts = {
        title: known?.title ?? alertTitle,
        severity: known?.severity ?? alertSeverity,
        rule: known?.rule ?? rule,
      };
      return { tenant, caseId, ...facts, closed: known?.closed ?? false, variables: caseVariables(event, facts) };
    }
    case 'CaseSeverityChanged': {
      if (known === null) return undefined;
      const { to } = event.data;
      return { ...known, severity: to, variables: { ...known.variables, __case_severity__: to } };
    }
    case 'CaseStatusChanged':
      return known === null ? undefined : { ...known, closed: event.data.to === 'closed' };
    default:
      return undefined;
  }
}
