import { createRequire } from 'node:module';

/** Of kafkajs's `Encoder`, which writes everything that goes to a broker, what is changed here. */
interface Encoder {
  buf: Buffer;
  offset: number;
  ensureAvailable(length: number): void;
  writeUVarInt(value: number): this;
}
interface EncoderClass {
  readonly prototype: Encoder;
  nextPowerOfTwo(value: number): number;
}

/** What kafkajs 2.2.4 gives an encoder that is told of no size. */
const INITIAL_SIZE = 511;
const SMALLEST = 64;
const LONGEST_VARINT = 5;

/**
 * kafkajs begins each header of each message with 512 bytes of zeros, and each number with an array and a buffer of its own:
 * a third of what a message costs to send. The same bytes come of a buffer that is made when there is something to write,
 * not filled beforehand, and written to directly. `lean-encoder.unit.spec.ts` holds it against the encoder as it was.
 */
function makeEncoderLean(encoder: EncoderClass): void {
  const { prototype, nextPowerOfTwo } = encoder;
  encoder.nextPowerOfTwo = (value) => (value === INITIAL_SIZE ? 0 : nextPowerOfTwo(value));
  prototype.ensureAvailable = function (length) {
    const needed = this.offset + length;
    if (needed <= this.buf.length) return;
    const larger = Buffer.allocUnsafe(needed <= SMALLEST ? SMALLEST : nextPowerOfTwo(needed));
    this.buf.copy(larger, 0, 0, this.offset);
    this.buf = larger;
  };
  prototype.writeUVarInt = function (value) {
    this.ensureAvailable(LONGEST_VARINT);
    const { buf } = this;
    let rest = value;
    for (; (rest & ~0x7f) !== 0; rest >>>= 7) buf[this.offset++] = (rest & 0x7f) | 0x80;
    buf[this.offset++] = rest & 0x7f;
    return this;
  };
}

// kafkajs has no types for it, and no other way to it; its version is pinned.
makeEncoderLean(createRequire(__filename)('kafkajs/src/protocol/encoder') as EncoderClass);
