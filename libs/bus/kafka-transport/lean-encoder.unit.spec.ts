import * as fc from 'fast-check';
import './lean-encoder';

interface Encoded {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}
type EncodeRecord = (record: object) => Encoded;
interface Batches {
  readonly RecordBatch: (batch: object) => Promise<Encoded>;
}
interface Protocol {
  readonly record: EncodeRecord;
  readonly batches: Batches;
}

const load = (): Protocol => ({
  record: jest.requireActual<EncodeRecord>('kafkajs/src/protocol/recordBatch/record/v0'),
  batches: jest.requireActual<Batches>('kafkajs/src/protocol/recordBatch/v0'),
});

const lean = load();
let asItWas: Protocol;
jest.isolateModules(() => {
  asItWas = load();
});

describe('the lean encoder', () => {
  it('is another one than that which it is held against', () => {
    const taken = ({ record }: Protocol) => record({ key: 'k', value: 'v' }).buf.length;
    expect([taken(lean), taken(asItWas)]).toEqual([64, 512]);
  });

  it('writes the same bytes', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 });
    const record = fc.record({
      offsetDelta: fc.nat(100_000),
      timestampDelta: fc.nat(100_000),
      key: fc.oneof(text, fc.constant(null)),
      value: fc.oneof(text, fc.constant(null), fc.string({ minLength: 5_000, maxLength: 20_000 }).map(Buffer.from)),
      headers: fc.dictionary(text, text),
    });
    fc.assert(
      fc.property(record, (given) => {
        expect(lean.record(given).buffer.equals(asItWas.record(given).buffer)).toBe(true);
      }),
    );
  });

  it('writes the same batches', async () => {
    const values = Array.from({ length: 300 }, (_, index) => 'x'.repeat(index * 37));
    const encoded = async ({ record, batches }: Protocol) => {
      const records = values.map((value, offsetDelta) => record({ offsetDelta, key: `k${offsetDelta}`, value }));
      const times = { firstTimestamp: 1_764_000_000_000, maxTimestamp: 1_764_000_000_001 };
      return (await batches.RecordBatch({ records, lastOffsetDelta: values.length - 1, ...times })).buffer;
    };
    expect((await encoded(lean)).equals(await encoded(asItWas))).toBe(true);
  });
});
