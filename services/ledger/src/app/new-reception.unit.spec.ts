import { serviceActor } from '#contracts/envelope';
import { ALERTS_TOPIC, type BusMessage, ENRICHED_ALERTS_TOPIC } from '#libs/bus';
import { asNewReception } from './new-reception';

const message = (changed: Partial<BusMessage> = {}): BusMessage => ({
  topic: ALERTS_TOPIC,
  key: 'alert-id',
  id: 'receipt',
  type: 'AlertReceived',
  source: '/countersign/ingest',
  time: '2026-11-27T12:00:00.000Z',
  tenant: 'default',
  schemaVersion: 1,
  actor: serviceActor('ingest'),
  correlationId: 'receipt',
  data: { receiptId: 'receipt', alertId: 'alert-id' },
  ...changed,
});

describe('a dead letter that is put back', () => {
  it.each([
    [ALERTS_TOPIC, 'countersign.enrichment'],
    ['countersign.alerts.urgent', 'countersign.enrichment'],
    [ENRICHED_ALERTS_TOPIC, 'countersign.case'],
    ['countersign.alerts.enriched.bulk', 'countersign.case'],
  ])('is a new reception when it is an alert of %s that had its outcome as dead', (topic, group) => {
    const renewed = asNewReception(message({ topic }), group);
    expect(renewed.id).not.toBe('receipt');
    expect(renewed).toEqual({
      ...message({ topic }),
      id: renewed.id,
      correlationId: renewed.id,
      causationId: 'receipt',
      data: { receiptId: renewed.id, alertId: 'alert-id' },
    });
  });

  it('keeps the key in step where that is the receipt', () => {
    const renewed = asNewReception(message({ key: 'receipt' }), 'countersign.enrichment');
    expect(renewed.key).toBe(renewed.id);
  });

  it.each([
    [ALERTS_TOPIC, 'countersign.ingest'],
    ['countersign.run', 'countersign.case'],
    [`${ENRICHED_ALERTS_TOPIC}.dead`, 'countersign.case'],
  ])('is the same message when it is one of %s in %s', (topic, group) => {
    expect(asNewReception(message({ topic }), group)).toEqual(message({ topic }));
  });
});
