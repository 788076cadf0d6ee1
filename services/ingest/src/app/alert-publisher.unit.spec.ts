import type { BusMessage, BusPublisher } from '#libs/bus';
import { DomainError } from '#libs/kernel';
import { FormatRegistry } from '../domain/formats/format-registry';
import { AlertPublisher } from './alert-publisher';
import { receive } from './alert-reception';
import { LaneChoice } from './lane-choice';

const origin = {
  tenant: 'default',
  sourceId: '0c3f2a52-7d3d-5c0e-9f2c-5b0f9f2f0001',
  source: 'siem',
  askedFormat: undefined,
  sourceFormat: undefined,
};
const bytes = Buffer.from('{"event_id":"a","search_name":"s"}');
const received = [...receive({ bytes, size: bytes.length }, origin, new FormatRegistry(), new Date())];

const lanes = new LaneChoice({ urgentPerSecond: 1, ordinaryPerSecond: 1 });

/** A bus that confirms when it is told to. */
class SlowBus implements BusPublisher {
  readonly confirm: (() => void)[] = [];
  readonly messages: BusMessage[] = [];

  publish(messages: readonly BusMessage[]): Promise<void> {
    this.messages.push(...messages);
    return new Promise((resolve) => this.confirm.push(resolve));
  }

  async close(): Promise<void> {}
}

const send = (publisher: AlertPublisher) => publisher.publish(received, origin, '00-trace');

describe('the way to the bus', () => {
  it('is open for so many alerts, and the next batch goes when one has arrived', async () => {
    const bus = new SlowBus();
    const publisher = new AlertPublisher(bus, lanes, { inFlight: 2, waitMs: 60_000, publishMs: 60_000 });
    const sent = [send(publisher), send(publisher), send(publisher)];
    await Promise.resolve();
    expect(bus.messages).toHaveLength(2);
    bus.confirm.forEach((confirm) => confirm());
    await Promise.all(sent.slice(0, 2));
    expect(bus.messages).toHaveLength(3);
    bus.confirm.at(-1)?.();
    await sent[2];
  });

  it('has room for many small batches, and lets a large one that waits go before the small ones behind it', async () => {
    const bus = new SlowBus();
    const allOrdinary = new LaneChoice({ urgentPerSecond: 1, ordinaryPerSecond: 10 });
    const publisher = new AlertPublisher(bus, allOrdinary, { inFlight: 10, waitMs: 60_000, publishMs: 60_000 });
    const large = Array.from({ length: 8 }, () => received).flat();
    const sent = [send(publisher), send(publisher), send(publisher)];
    sent.push(publisher.publish(large, origin, '00-trace'), send(publisher));
    await Promise.resolve();
    expect(bus.messages).toHaveLength(3);
    bus.confirm[0]?.();
    await sent[0];
    expect(bus.messages).toHaveLength(3 + 8);
    expect(publisher.isBusy).toBe(true);
    while (bus.confirm.length < sent.length) {
      bus.confirm.forEach((confirm) => confirm());
      await new Promise(setImmediate);
    }
    bus.confirm.forEach((confirm) => confirm());
    await Promise.all(sent);
    expect(publisher.isBusy).toBe(false);
  });

  it('tells a sender to come back when the bus does not confirm in time', async () => {
    const publisher = new AlertPublisher(new SlowBus(), lanes, { inFlight: 1, waitMs: 20, publishMs: 20 });
    const [first, second] = await Promise.allSettled([send(publisher), send(publisher)]);
    for (const result of [first, second]) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'bus_unavailable' } });
    }
  });

  it('waits for the bus as long as it takes where the sender can be held back, or until the end', async () => {
    const bus = new SlowBus();
    const publisher = new AlertPublisher(bus, lanes, { inFlight: 2, waitMs: 20, publishMs: 1 });
    const end = new AbortController();
    const held = publisher.publish(received, origin, '00-trace', end.signal);
    const other = publisher.publish(received, origin, '00-trace', end.signal);
    await new Promise((resolve) => setTimeout(resolve, 20));
    bus.confirm[0]?.();
    await held;
    end.abort();
    await expect(other).rejects.toMatchObject({ code: 'bus_unavailable' });
    expect(bus.messages).toHaveLength(2);
  });

  it('tells the same of a bus that is not there', async () => {
    const publisher = new AlertPublisher(
      { publish: () => Promise.reject(new Error('ECONNREFUSED')), close: async () => {} },
      lanes,
      { inFlight: 1, waitMs: 20, publishMs: 20 },
    );
    await expect(send(publisher)).rejects.toEqual(expect.any(DomainError));
    await expect(send(publisher)).rejects.toMatchObject({ code: 'bus_unavailable', retryable: true });
  });

  it('carries the receipt as id, and the alert as key', async () => {
    const bus = new SlowBus();
    const publisher = new AlertPublisher(bus, lanes, { inFlight: 1, waitMs: 20, publishMs: 60_000 });
    const sent = send(publisher);
    await Promise.resolve();
    bus.confirm[0]?.();
    await sent;
    const [reception] = received;
    expect(bus.messages).toMatchObject([
      {
        topic: 'countersign.alerts',
        type: 'AlertReceived',
        id: reception?.alert.receiptId,
        key: reception?.kind === 'accepted' ? reception.alert.alertId : '',
        traceparent: '00-trace',
      },
    ]);
  });
});
