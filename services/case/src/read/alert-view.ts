import type { AlertEvent } from '#contracts/events/alert';
import type { AlertView } from '#contracts/http/case';
import type { RecordedEvent } from '#libs/event-store';

type Content = Extract<AlertEvent, { type: 'AlertRecorded' | 'AlertUpdated' }>;

/** The alert, or the rejected receipt, that a stream of the category `alert` tells of. */
export function alertView(history: readonly RecordedEvent[]): AlertView | undefined {
  // The ledger holds only what this service has written to the category, by its contract.
  const events = history as unknown as readonly (RecordedEvent & AlertEvent)[];
  const [first] = events;
  if (!first) return undefined;
  if (first.type === 'AlertRejected') {
    const { original, code, field, reason } = first.data;
    return {
      alertId: null,
      outcome: 'rejected',
      caseId: null,
      normalized: null,
      original,
      rejection: { code, field, reason },
      receptions: receptionsOf(events),
    };
  }
  const latest = latestOf(events);
  if (!latest || first.type !== 'AlertRecorded') return undefined;
  const { original, caseId, ...content } = latest.data;
  const { outcome: _, ...normalized } = { outcome: undefined, ...content };
  return {
    alertId: latest.data.alertId,
    outcome: first.data.outcome,
    caseId,
    normalized,
    original,
    rejection: null,
    receptions: receptionsOf(events),
  };
}

/** The version that was received last: an earlier one may have come after it. */
function latestOf(events: readonly AlertEvent[]): Content | undefined {
  let latest: Content | undefined;
  for (const event of events) {
    if (event.type !== 'AlertRecorded' && event.type !== 'AlertUpdated') continue;
    if (!latest || Date.parse(event.data.receivedAt) >= Date.parse(latest.data.receivedAt)) latest = event;
  }
  return latest;
}

function receptionsOf(events: readonly (RecordedEvent & AlertEvent)[]): AlertView['receptions'] {
  return events.map((event) => ({
    receiptId: event.data.receiptId,
    receivedAt: event.data.receivedAt,
    decidedAt: event.time,
    outcome: outcomeOf(event),
    caseId: event.type === 'AlertRejected' ? null : event.data.caseId,
  }));
}

function outcomeOf(event: AlertEvent): AlertView['receptions'][number]['outcome'] {
  switch (event.type) {
    case 'AlertRecorded':
      return event.data.outcome;
    case 'AlertUpdated':
      return 'updated';
    case 'AlertDuplicated':
      return 'duplicate';
    case 'AlertRejected':
      return 'rejected';
  }
}
