import { SEVERITIES, type Severity } from '#contracts/alert';
import type { CaseEvent } from '#contracts/events/case';
import type { AlertCounts, CaseState, Escalation, OpenedCase } from './case-state';
import { highestSeverity } from './severity';

type AlertUpdate = Extract<CaseEvent, { type: 'CaseAlertUpdated' }>['data'];

/** The state of a case after one more event. */
export function evolveCase(state: CaseState, event: CaseEvent): CaseState {
  if (event.type === 'CaseOpened') {
    const { caseId, severity, alertSeverity } = event.data;
    return {
      exists: true,
      version: 1,
      caseId,
      status: 'new',
      resolution: null,
      severity,
      severityBy: 'alerts',
      owner: null,
      alerts: { [alertSeverity]: 1 },
      suppressed: 0,
      raisedTo: null,
      links: [],
      escalations: [],
    };
  }
  if (!state.exists) return state;
  return { ...state, ...change(state, event), version: state.version + 1 };
}

function change(state: OpenedCase, event: Exclude<CaseEvent, { type: 'CaseOpened' }>): Partial<OpenedCase> {
  switch (event.type) {
    case 'AlertGrouped':
      return withAlerts(state, counted(state.alerts, event.data.alertSeverity, 1));
    case 'CaseAlertUpdated':
      return withAlerts(state, recounted(state.alerts, event.data));
    case 'CaseStatusChanged':
      return { status: event.data.to, resolution: event.data.resolution };
    case 'AlertsSuppressed':
      return { suppressed: state.suppressed + event.data.count };
    case 'CaseLinked':
      return { links: [...state.links, event.data.to] };
    case 'CaseSeverityChanged': {
      const { to, rule } = event.data;
      return rule === null ? { severity: to, severityBy: 'person' } : { severity: to, raisedTo: to };
    }
    case 'CaseAssigned':
      return { owner: event.data.to };
    case 'CaseNoteAdded':
    case 'CaseEvidenceAdded':
      return {};
    case 'CaseEscalated': {
      const { escalationId, to, deadline } = event.data;
      return { escalations: [...state.escalations, { escalationId, to, deadline, status: 'open' }] };
    }
    case 'EscalationAcknowledged':
      return { escalations: ended(state, event.data.escalationId, 'acknowledged') };
    case 'EscalationExpired':
      return { escalations: ended(state, event.data.escalationId, 'expired') };
  }
}

function ended(state: OpenedCase, escalationId: string, status: Escalation['status']): Escalation[] {
  return state.escalations.map((escalation) =>
    escalation.escalationId === escalationId ? { ...escalation, status } : escalation,
  );
}

function withAlerts(state: OpenedCase, alerts: AlertCounts): Partial<OpenedCase> {
  if (state.severityBy === 'person') return { alerts };
  const ofAlerts = SEVERITIES.findLast((severity) => (alerts[severity] ?? 0) > 0) ?? state.severity;
  return { alerts, severity: state.raisedTo === null ? ofAlerts : highestSeverity(ofAlerts, state.raisedTo) };
}

function counted(alerts: AlertCounts, severity: Severity, more: 1 | -1): AlertCounts {
  return { ...alerts, [severity]: Math.max(0, (alerts[severity] ?? 0) + more) };
}

/**
 * Events of 0.1.0 do not say what the alert counted as. That of a case's only alert is known; among several, the
 * count of before stays, so that the case's severity never sinks by mistake.
 */
function recounted(alerts: AlertCounts, { alertSeverity, previousSeverity }: AlertUpdate): AlertCounts {
  if (previousSeverity !== undefined) return counted(counted(alerts, previousSeverity, -1), alertSeverity, 1);
  const isOnlyOne = Object.values(alerts).reduce((sum, count) => sum + count, 0) === 1;
  return isOnlyOne ? { [alertSeverity]: 1 } : counted(alerts, alertSeverity, 1);
}
