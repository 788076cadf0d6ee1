import type { CaseEvent } from '#contracts/events/case';
import { alertsOf, type CaseAlert, type CaseState, type Escalation, type OpenedCase } from './case-state';
import { highestSeverity } from './severity';

type AlertData = Extract<CaseEvent, { type: 'CaseAlertUpdated' }>['data'];

/** The state of a case after one more event. */
export function evolveCase(state: CaseState, event: CaseEvent): CaseState {
  if (event.type === 'CaseOpened') {
    const { caseId, title, severity, rule } = event.data;
    return {
      exists: true,
      version: 1,
      caseId,
      title,
      rule,
      status: 'new',
      resolution: null,
      severity,
      severityBy: 'alerts',
      owner: null,
      alerts: { alert: alertOf(event.data), earlier: undefined },
      escalations: [],
    };
  }
  if (!state.exists) return state;
  return { ...state, ...change(state, event), version: state.version + 1 };
}

function change(state: OpenedCase, event: Exclude<CaseEvent, { type: 'CaseOpened' }>): Partial<OpenedCase> {
  switch (event.type) {
    case 'AlertGrouped': {
      const alerts = { alert: alertOf(event.data), earlier: state.alerts };
      if (state.severityBy === 'person') return { alerts };
      return { alerts, severity: highestSeverity(state.severity, event.data.alertSeverity) };
    }
    case 'CaseAlertUpdated': {
      const alerts = { alert: alertOf(event.data), earlier: state.alerts };
      if (state.severityBy === 'person') return { alerts };
      const others = alertsOf({ ...state, alerts }).map(({ severity }) => severity);
      return { alerts, severity: highestSeverity(event.data.alertSeverity, ...others) };
    }
    case 'CaseStatusChanged':
      return { status: event.data.to, resolution: event.data.resolution };
    case 'CaseSeverityChanged':
      return { severity: event.data.to, severityBy: 'person' };
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

function alertOf(data: AlertData): CaseAlert {
  return {
    alertId: data.alertId,
    sourceId: data.sourceId,
    source: data.source,
    title: data.alertTitle,
    time: data.alertTime,
    severity: data.alertSeverity,
    verdict: data.verdict,
    score: data.score,
    observables: data.observables,
    attack: data.attack,
  };
}
