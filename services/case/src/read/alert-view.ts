import type { AlertEvent } from '#contracts/events/alert';
import type { AlertView } from '#contracts/http/case';
import type { RecordedEvent } from '#libs/event-store';

type Content = Extract<AlertEvent, { type: 'AlertRecorded' | 'AlertUpdated' }>;
type OutcomeEvent = RecordedEvent & AlertEvent;

/**
 * The alert, or the rejected receipt, that a stream of the category `alert` tells of. Undefined for one that tells only
 * of duplicates of another alert: `originalIn` names it.
 */
export function alertView(history: readonly RecordedEvent[]): AlertView | undefined {
  const events = outcomesIn(history);
  const [first] = events;
  if (!first) return undefined;
  const receptions = receptionsOf(events);
  if (first.type === 'AlertRejected') {
    const { original, code, field, reason } = first.data;
    return {
      ...{ alertId: null, outcome: 'rejected', caseId: null, duplicateOf: null, decidedBy: null, suppression: null },
      ...{ normalized: null, original, rejection: { code, field, reason }, receptions },
    };
  }
  const recorded = events.find((event) => event.type === 'AlertRecorded') as
    Extract<OutcomeEvent, { type: 'AlertRecorded' }> | undefined;
  const latest = latestOf(events);
  if (!latest || !recorded) return undefined;
  const { original, caseId, decidedBy: _, ...content } = latest.data;
  const { outcome: __, suppression: ___, ...normalized } = { outcome: undefined, suppression: undefined, ...content };
  const { outcome, decidedBy, suppression } = recorded.data;
  return {
    ...{ alertId: latest.data.alertId, outcome, caseId, duplicateOf: null, decidedBy, suppression },
    ...{ normalized, original, rejection: null, receptions },
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

/** The alert that all receptions on a stream are duplicates of, by a natural key. */
export function originalIn(history: readonly RecordedEvent[]): string | undefined {
  const last = outcomesIn(history).at(-1);
  return last?.type === 'AlertDuplicated' ? (last.data.duplicateOf ?? undefined) : undefined;
}

/** The original as whoever asks for its duplicate gets it. */
export function asDuplicate(original: AlertView, history: readonly RecordedEvent[]): AlertView {
  return { ...original, duplicateOf: original.alertId, receptions: receptionsOf(outcomesIn(history)) };
}

function outcomesIn(history: readonly RecordedEvent[]): readonly OutcomeEvent[] {
  // The ledger holds only what this service has written to the category, by its contract.
  return history as unknown as readonly OutcomeEvent[];
}

function receptionsOf(events: readonly OutcomeEvent[]): AlertView['receptions'] {
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
