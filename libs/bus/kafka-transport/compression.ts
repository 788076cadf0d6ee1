import { decompress } from 'fzstd';
import { CompressionCodecs, CompressionTypes } from 'kafkajs';
import { decompressFrame } from 'lz4-napi';
import { uncompress } from 'snappy';

/** Of snappy-java, which the clients in Java use: `\x82SNAPPY\0`, version and least version of 4 bytes each, then blocks. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = 16;

/**
 * Lets kafkajs read batches that others have compressed by snappy, lz4 or zstd; by itself it knows gzip alone. We
 * compress none so. Once a process is enough.
 */
export function readCompressedBatches(): void {
  CompressionCodecs[CompressionTypes.Snappy] = reading('snappy', unsnapped);
  CompressionCodecs[CompressionTypes.LZ4] = reading('lz4', decompressFrame);
  CompressionCodecs[CompressionTypes.ZSTD] = reading('zstd', (bytes) =>
    Promise.resolve(Buffer.from(decompress(bytes))),
  );
}

/** What kafkajs calls a codec. */
const reading = (name: string, decompress: (bytes: Buffer) => Promise<Buffer>) => () => ({
  compress: () => Promise.reject(new Error(`batches are not compressed by ${name} here`)),
  decompress,
});

/** One block; from a client in Java several, each after its length in 4 bytes. */
async function unsnapped(bytes: Buffer): Promise<Buffer> {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return asBuffer(await uncompress(bytes));
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    blocks.push(asBuffer(await uncompress(bytes.subarray(at + 4, end))));
    at = end;
  }
  return Buffer.concat(blocks);
}

const asBuffer = (bytes: Buffer | string): Buffer => (typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
