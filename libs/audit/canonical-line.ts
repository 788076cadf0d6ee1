import { hash as digest } from 'node:crypto';
import type { Category } from '#contracts/envelope';
import { endOfValue, NOT_CANONICAL } from './canonical-scan';
import { isCategory, isPosition, isTx } from './event-fields';

/** The fields of an event's line in the order of its canonical form, and what the value of each begins with. */
const FIELDS = [
  ['actor', '{'],
  ['category', '"'],
  ['data', '{'],
  ['hash', '"'],
  ['id', '"'],
  ['kind', '"event"'],
  ['meta', '{'],
  ['position', '"'],
  ['schemaVersion', ''],
  ['stream', '"'],
  ['tenant', '"'],
  ['time', '"'],
  ['tx', '"'],
  ['type', '"'],
  ['version', ''],
] as const;
type Field = (typeof FIELDS)[number][0];

const indexOf = (field: Field): number => FIELDS.findIndex(([name]) => name === field);
const CATEGORY = indexOf('category');
const HASH = indexOf('hash');
const KIND = indexOf('kind');
const POSITION = indexOf('position');
const SCHEMA_VERSION = indexOf('schemaVersion');
const STREAM = indexOf('stream');
const TX = indexOf('tx');
const VERSION = indexOf('version');

/** What stands before each value, and the begin of it: `{"actor":{`, `,"category":"`, ... */
const LEADS = FIELDS.map(([name, value], index) => Buffer.from(`${index === 0 ? '{' : ','}"${name}":${value}`));
/** How much of a lead is the value's already. */
const BEGUN = FIELDS.map(([, value]) => value.length);
const CLOSE_OBJECT = 0x7d;
const ZERO = 0x30;
const NINE = 0x39;
const EMPTY = Buffer.alloc(0);
/** By byte, whether it is a hexadecimal digit in lower case. */
const IS_HEXADECIMAL = new Uint8Array(256);
for (const digit of '0123456789abcdef') IS_HEXADECIMAL[digit.charCodeAt(0)] = 1;

/**
 * What the hash covers: the whole line but `hash`, `kind`, `position` and `tx`, in pieces that each reach from one field
 * to before another; `previousHash` stands before the piece that begins with `schemaVersion`.
 */
const PIECES = [
  [indexOf('actor'), HASH],
  [indexOf('id'), KIND],
  [indexOf('meta'), POSITION],
  [SCHEMA_VERSION, TX],
  [indexOf('type'), FIELDS.length],
] as const;

/**
 * An event's line of an export in its canonical form, which is how our exports are written: the text that is hashed is
 * cut out of it, instead of parsing the line and writing it anew. One instance reads many lines, one after the other.
 */
export class CanonicalLine {
  category: Category = 'case';
  stream = '';
  version = 0;
  hash = '';
  tx = '';
  position = '';
  private bytes: Buffer = EMPTY;
  /** Where each field begins with its lead; last, where the line ends. */
  private readonly begins: number[] = [];
  private hashed = Buffer.alloc(4096);

  /**
   * Reads the line between `start` and `end` of `bytes`, which are UTF-8.
   * @returns false when it is no event, or not seen at a glance to be a canonical one: it has to be parsed then.
   */
  read(bytes: Buffer, start: number, end: number): boolean {
    this.bytes = bytes;
    let at = start;
    for (let field = 0; field < FIELDS.length; field += 1) {
      this.begins[field] = at;
      at = endOfField(bytes, at, field);
      if (at === NOT_CANONICAL) return false;
    }
    this.begins[FIELDS.length] = end;
    if (bytes[at] !== CLOSE_OBJECT || at + 1 !== end) return false;
    this.version = this.count(VERSION, end - 1);
    this.hash = this.text(HASH);
    this.tx = this.text(TX);
    this.position = this.text(POSITION);
    if (this.version < 1 || this.count(SCHEMA_VERSION) < 1) return false;
    return this.holdsHash() && isTx(this.tx) && isPosition(this.position) && this.readNames();
  }

  /** The hash that the event must have where `previousHash` is that of the event before. */
  hashAfter(previousHash: string): string {
    const previous = `,"previousHash":"${previousHash}"`;
    const [first = 0, last = 0] = [this.begins[0], this.begins[FIELDS.length]];
    const room = last - first + previous.length;
    if (this.hashed.length < room) this.hashed = Buffer.alloc(2 * room);
    let length = 0;
    for (const [from, to] of PIECES) {
      if (from === SCHEMA_VERSION) length += this.hashed.write(previous, length, 'latin1');
      length = copy(this.bytes, this.begins[from] ?? 0, this.begins[to] ?? 0, this.hashed, length);
    }
    return digest('sha256', this.hashed.subarray(0, length), 'hex');
  }

  private readNames(): boolean {
    const category = this.text(CATEGORY);
    if (!isCategory(category)) return false;
    this.category = category;
    this.stream = this.text(STREAM, 'utf8');
    // A name with an escape in it is another one than it looks like.
    return !this.stream.includes('\\');
  }

  /** Of plain ASCII, unless told otherwise: anything else is no hash, number or category. */
  private text(field: number, encoding: 'latin1' | 'utf8' = 'latin1'): string {
    return this.bytes.toString(encoding, this.valueAt(field) + 1, (this.begins[field + 1] ?? 0) - 1);
  }

  /** As `isHash`, which takes several times as long for a text that is new to it. */
  private holdsHash(): boolean {
    const end = (this.begins[HASH + 1] ?? 0) - 1;
    let at = this.valueAt(HASH) + 1;
    if (end - at !== 64) return false;
    while (IS_HEXADECIMAL[this.bytes[at] ?? 0] === 1) at += 1;
    return at === end;
  }

  /** A whole number of at most 15 digits; 0 for any other value. */
  private count(field: number, end = this.begins[field + 1] ?? 0): number {
    const start = this.valueAt(field);
    let number = end - start > 15 ? NaN : 0;
    for (let place = start; place < end; place += 1) {
      const byte = this.bytes[place] ?? 0;
      number = byte >= ZERO && byte <= NINE ? 10 * number + byte - ZERO : NaN;
    }
    return number || 0;
  }

  private valueAt(field: number): number {
    return (this.begins[field] ?? 0) + (LEADS[field]?.length ?? 0) - (BEGUN[field] ?? 0);
  }
}

/** Most pieces are shorter than what calling `Buffer.copy` costs. */
function copy(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  if (end - start > 200) return at + from.copy(to, at, start, end);
  for (let place = start; place < end; place += 1) to[at + place - start] = from[place] ?? 0;
  return at + end - start;
}

function endOfField(bytes: Buffer, start: number, field: number): number {
  const lead = LEADS[field] ?? EMPTY;
  for (let place = 0; place < lead.length; place += 1) {
    if (bytes[start + place] !== lead[place]) return NOT_CANONICAL;
  }
  return endOfValue(bytes, start + lead.length - (BEGUN[field] ?? 0));
}
