import type { RecordedEvent } from '#libs/event-store';
import { alertOf, receiptIdOf, type AlertSketch } from '../domain/alert.fixture';
import { alertView } from './alert-view';

// Of an event, the view reads type, data and time.
const event = (type: string, data: object): RecordedEvent =>
  ({ type, data, time: '2026-11-24T10:00:05.000Z' }) as unknown as RecordedEvent;
const recorded = (sketch: AlertSketch) =>
  event('AlertRecorded', { ...alertOf(sketch), outcome: 'new', caseId: 'case-1', decidedBy: null, suppression: null });
const updated = (sketch: AlertSketch) => event('AlertUpdated', { ...alertOf(sketch), caseId: 'case-1' });

describe('an alert', () => {
  it('is shown as it was received last, whichever version came here last', () => {
    const view = alertView([
      recorded({ receipt: 'second', content: 'second', receivedAt: '2026-11-24T10:00:01.000Z' }),
      updated({ receipt: 'first', content: 'first', receivedAt: '2026-11-24T10:00:00.000Z' }),
    ]);
    expect(view?.original?.body).toContain('second');
    expect(view?.receptions.map(({ receiptId, outcome }) => [receiptId, outcome])).toEqual([
      [receiptIdOf('second'), 'new'],
      [receiptIdOf('first'), 'updated'],
    ]);
  });
});
