import { CompressionCodecs, CompressionTypes } from 'kafkajs';
import { compress } from 'snappy';
import { readCompressedBatches } from './compression';

interface Codec {
  readonly compress: () => Promise<Buffer>;
  readonly decompress: (bytes: Buffer) => Promise<Buffer>;
}

describe('batches in snappy', () => {
  readCompressedBatches();
  const codec: Codec = CompressionCodecs[CompressionTypes.Snappy]();
  const text = Buffer.from('an alert of the SOC. '.repeat(100));

  it('are read as clients in C write them, which is one block', async () => {
    expect(await codec.decompress(await compress(text))).toEqual(text);
  });

  it('are read as clients in Java write them, which is blocks after a header', async () => {
    const block = await compress(text);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(block.length);
    const header = Buffer.from('82534e41505059000000000100000001', 'hex');
    expect(await codec.decompress(Buffer.concat([header, length, block, length, block]))).toEqual(
      Buffer.concat([text, text]),
    );
  });

  it('that are broken are told so', async () => {
    await expect(codec.decompress(Buffer.from('no snappy'))).rejects.toThrow();
    await expect(codec.decompress(Buffer.from('82534e4150505900000000010000000100000009', 'hex'))).rejects.toThrow();
  });

  it('are not written', async () => {
    await expect(codec.compress()).rejects.toThrow('are not compressed by snappy here');
  });
});
