import pino from 'pino';
import type { ForeignRecord } from '#libs/bus';
import { DomainError } from '#libs/kernel';
import type { AlertIntakeDesk } from './alert-intake';
import type { RawAlert } from './alert-reception';
import { KafkaSource } from './kafka-source';

const settings = { topic: 't', source: 's', tenant: 'default', from: 'earliest', group: 'g' } as const;

const record = (offset: number, value = `{"n":${offset}}`): ForeignRecord => ({
  ...{ topic: 't', partition: 0, offset: String(offset), key: null, value: Buffer.from(value), headers: {} },
  timestamp: 0,
});

/** A source whose desk fails as `fails` says for what it is handed. */
function sourceOf(fails: (alert: RawAlert) => Error | undefined) {
  const taken: string[] = [];
  const desk: Pick<AlertIntakeDesk, 'take'> = {
    async take(_, read) {
      const body = await read({
        add: () => undefined,
        addInTime: () => Promise.resolve(true),
        release: () => undefined,
      });
      const alerts: RawAlert[] = [];
      if (body.kind === 'list') alerts.push(...body.alerts);
      for (const alert of alerts) {
        const error = alert.refusal === undefined ? fails(alert) : undefined;
        if (error !== undefined) throw error;
      }
      taken.push(...alerts.map(({ bytes, refusal }) => (refusal === undefined ? String(bytes) : refusal.code)));
      return { accepted: alerts.length, rejected: 0, results: [], omitted: 0 };
    },
  };
  const directory = {
    named: () => Promise.resolve({ id: 'id', tenant: 'default', name: 's', format: null, settings: {} as never }),
  };
  const source = new KafkaSource(settings, {
    ...{ cluster: 'soc', kafka: { brokers: ['127.0.0.1:1'] }, desk, directory },
    logger: pino({ level: 'silent' }),
  });
  return { source, taken };
}

describe('records that cannot be taken', () => {
  it('come again while what they need is away', async () => {
    const { source, taken } = sourceOf(() => new DomainError('bus_unavailable', 'away'));
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await expect(source.take([record(1)])).rejects.toMatchObject({ code: 'bus_unavailable' });
    }
    expect(taken).toEqual([]);
  });

  it('are refused by name, each by itself, when no attempt helps', async () => {
    const { source, taken } = sourceOf(({ bytes }) =>
      String(bytes) === '{"n":2}' ? new DomainError('message_too_large', 'too large') : undefined,
    );
    await source.take([record(1), record(2), record(3)]);
    expect(taken).toEqual(['{"n":1}', 'message_too_large', '{"n":3}']);
    expect(source.counts.records).toBe(3);
  });

  it('are tried several times where nobody foresaw the error, and do not stop their partition', async () => {
    const { source, taken } = sourceOf(({ bytes }) =>
      String(bytes) === '{"n":1}' ? new TypeError('a bug') : undefined,
    );
    for (let attempt = 1; attempt < 5; attempt += 1) {
      await expect(source.take([record(1), record(2)])).rejects.toThrow('a bug');
    }
    await source.take([record(1), record(2)]);
    expect(taken).toEqual(['internal', '{"n":2}']);
  });
});
