import type { AlertEnriched, AlertRefused, Severity } from '#contracts/alert';
import type { AlertEvent } from '#contracts/events/alert';
import type { Decider } from '#libs/kernel';
import { severityOfFinding } from './severity';

export type AlertState =
  | { readonly status: 'unknown' }
  /** Of a receipt that was refused. */
  | { readonly status: 'rejected' }
  | {
      readonly status: 'recorded';
      readonly digest: string;
      readonly caseId: string | null;
      /** Of the version that was received last, whenever it came here. */
      readonly receivedAt: string;
      readonly severity: Severity;
    };

export type AlertCommand =
  /** `caseId`: the case it leads to, `grouped` when that case was open already. */
  | {
      readonly type: 'RecordAlert';
      readonly alert: AlertEnriched;
      readonly caseId: string | null;
      readonly grouped: boolean;
    }
  | {
      readonly type: 'RejectAlert';
      readonly alert: AlertRefused;
      readonly stage: 'ingest' | 'enrichment' | 'case';
    };

/** Whether the alert is known, and whether its content is (the original's canonical form, by its digest). */
export function noveltyOf(alert: Pick<AlertEnriched, 'digest'>, state: AlertState): 'new' | 'updated' | 'duplicate' {
  if (state.status !== 'recorded') return 'new';
  return state.digest === alert.digest ? 'duplicate' : 'updated';
}

/** Whether a version was received before the one that is known: it came by a slower way, and its content is the past. */
export function isOvertaken({ receivedAt }: Pick<AlertEnriched, 'receivedAt'>, state: AlertState): boolean {
  return state.status === 'recorded' && Date.parse(receivedAt) < Date.parse(state.receivedAt);
}

/** Gives each receipt its one outcome. */
export const alertDecider: Decider<AlertState, AlertCommand, AlertEvent> = {
  initialState: () => ({ status: 'unknown' }),

  decide(command, state) {
    if (command.type === 'RejectAlert') {
      if (state.status === 'rejected') return [];
      return [{ type: 'AlertRejected', data: { ...command.alert, stage: command.stage } }];
    }
    const { alert, caseId, grouped } = command;
    switch (noveltyOf(alert, state)) {
      case 'new':
        return [{ type: 'AlertRecorded', data: { ...alert, outcome: grouped ? 'grouped' : 'new', caseId } }];
      case 'updated':
        return [{ type: 'AlertUpdated', data: { ...alert, caseId } }];
      case 'duplicate': {
        const { receiptId, alertId, sourceId, source, receivedAt } = alert;
        return [{ type: 'AlertDuplicated', data: { receiptId, alertId, sourceId, source, receivedAt, caseId } }];
      }
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'AlertRecorded':
      case 'AlertUpdated': {
        const { digest, caseId, finding, receivedAt } = event.data;
        if (isOvertaken(event.data, state)) return state;
        return { status: 'recorded', digest, caseId, receivedAt, severity: severityOfFinding(finding) };
      }
      case 'AlertDuplicated':
        return state;
      case 'AlertRejected':
        return { status: 'rejected' };
    }
  },
};
