import type { AlertEnriched, AlertRefused, Severity } from '#contracts/alert';
import type { AlertEvent } from '#contracts/events/alert';
import type { Decider } from '#libs/kernel';
import { severityOfFinding, severityRank } from './severity';

type Recorded = Extract<AlertEvent, { type: 'AlertRecorded' }>['data'];
/** The rule that had a say, and where it stands; null where none had. */
export type DecidedBy = Recorded['decidedBy'];
export type Suppression = NonNullable<Recorded['suppression']>;

export type AlertState =
  | { readonly status: 'unknown' }
  /** Of a receipt that was refused. */
  | { readonly status: 'rejected' }
  /** By its natural key it is another alert, which is on record. */
  | {
      readonly status: 'duplicate';
      readonly of: string;
      readonly digest: string | null;
      readonly caseId: string | null;
    }
  | {
      readonly status: 'recorded';
      readonly digest: string;
      readonly caseId: string | null;
      /** Of the version that was received last, whenever it came here. */
      readonly receivedAt: string;
      readonly severity: Severity;
      /** Its case only counts it. */
      readonly isCounted: boolean;
    };

export type AlertCommand =
  /** `caseId`: the case it leads to. `outcome`: of an alert that is new. */
  | {
      readonly type: 'RecordAlert';
      readonly alert: AlertEnriched;
      readonly caseId: string | null;
      readonly outcome: Recorded['outcome'];
      readonly decidedBy: DecidedBy;
      readonly suppression: Suppression | null;
    }
  /** It is the alert `of`, which had the same natural key. */
  | {
      readonly type: 'RecordDuplicate';
      readonly alert: AlertEnriched;
      readonly of: string;
      readonly caseId: string | null;
      readonly decidedBy: DecidedBy;
    }
  | {
      readonly type: 'RejectAlert';
      readonly alert: AlertRefused;
      readonly stage: 'ingest' | 'enrichment' | 'case';
    };

/** Whether the alert is known, and whether its content is (the original's canonical form, by its digest). */
export function noveltyOf(alert: Pick<AlertEnriched, 'digest'>, state: AlertState): 'new' | 'updated' | 'duplicate' {
  if (state.status !== 'recorded' && state.status !== 'duplicate') return 'new';
  if (state.digest === alert.digest) return 'duplicate';
  return state.status === 'recorded' ? 'updated' : 'new';
}

/** Whether a case that only counts an alert has to take it in now. */
export function isGraver(alert: Pick<AlertEnriched, 'finding'>, before: Severity): boolean {
  return severityRank(severityOfFinding(alert.finding)) > severityRank(before);
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
    const { alert, caseId, decidedBy } = command;
    if (command.type === 'RecordDuplicate') return [duplicated(alert, caseId, { of: command.of, decidedBy })];
    switch (noveltyOf(alert, state)) {
      case 'new': {
        const { outcome, suppression } = command;
        return [{ type: 'AlertRecorded', data: { ...alert, outcome, caseId, decidedBy, suppression } }];
      }
      case 'updated':
        return [{ type: 'AlertUpdated', data: { ...alert, caseId, decidedBy } }];
      case 'duplicate':
        return [duplicated(alert, caseId, state.status === 'duplicate' ? { of: state.of, decidedBy } : undefined)];
    }
  },

  evolve(state, event) {
    switch (event.type) {
      case 'AlertRecorded': {
        const { digest, caseId, finding, receivedAt, suppression } = event.data;
        const isCounted = suppression?.kind === 'counted';
        return { status: 'recorded', digest, caseId, receivedAt, severity: severityOfFinding(finding), isCounted };
      }
      case 'AlertUpdated': {
        if (isOvertaken(event.data, state)) return state;
        const { digest, caseId, finding, receivedAt } = event.data;
        const isCounted = state.status === 'recorded' && state.isCounted && !isGraver(event.data, state.severity);
        return { status: 'recorded', digest, caseId, receivedAt, severity: severityOfFinding(finding), isCounted };
      }
      case 'AlertDuplicated': {
        const { duplicateOf, digest, caseId } = event.data;
        return duplicateOf === null ? state : { status: 'duplicate', of: duplicateOf, digest, caseId };
      }
      case 'AlertRejected':
        return { status: 'rejected' };
    }
  },
};

function duplicated(
  { receiptId, alertId, sourceId, source, receivedAt, digest }: AlertEnriched,
  caseId: string | null,
  original: { readonly of: string; readonly decidedBy: DecidedBy } | undefined,
): AlertEvent {
  const seen = { receiptId, alertId, sourceId, source, receivedAt, caseId };
  const by = original
    ? { duplicateOf: original.of, digest, decidedBy: original.decidedBy }
    : { duplicateOf: null, digest: null, decidedBy: null };
  return { type: 'AlertDuplicated', data: { ...seen, ...by } };
}
