import { SERVICES } from '#contracts/envelope';
import { useKafka } from '#libs/testing';
import { PATIENCE_MS } from './running-demo';
import { newCaller, orphans, spansOfAlert, TOPICS_OF_CALL, useTracedDemo, wayTo, withoutLane } from './traced-alert';

jest.setTimeout(2 * PATIENCE_MS);

const kafka = useKafka();

kafka.describe('the spans of an alert in the cluster', () => {
  const running = useTracedDemo('--cluster');

  it('are one tree over every service and topic, the relay of the ledger among them', async () => {
    const caller = newCaller();
    const spans = await spansOfAlert(running, caller);
    expect(orphans(spans, caller)).toEqual([]);
    expect([...new Set(spans.map(({ service }) => service))].sort()).toEqual(
      SERVICES.map((name) => `countersign-${name}`).sort(),
    );
    const call = spans.find(({ name }) => name === 'call ticketing.create_ticket');
    const way = wayTo(call, spans).map(({ name }) => withoutLane(name));
    expect(way.filter((name) => name.startsWith('process'))).toEqual(TOPICS_OF_CALL);
    expect(new Set(spans.map(({ attributes }) => attributes['messaging.system']))).toContain('kafka');
    const relayed = spans.filter(({ name }) => name === 'relay');
    expect(relayed.length).toBeGreaterThan(0);
    expect(relayed.every(({ service }) => service === 'countersign-ledger')).toBe(true);
  });
});
