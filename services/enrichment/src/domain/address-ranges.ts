import ipaddr from 'ipaddr.js';
import { isIpv4 } from '#libs/kernel';

/** Address ranges, looked up in one step for each length of prefix that the list has, however many ranges there are. */
export class AddressRanges<Entry> {
  /** By kind of address: lengths of prefix, the longest first, each with its ranges. */
  private readonly lengths = new Map<string, { readonly length: number; readonly ranges: Map<string, Entry> }[]>();

  /** `192.0.2.0/24`, or one address. Returns false, and adds nothing, for anything else. */
  add(range: string, entry: Entry): boolean {
    const parsed = parsedRange(range);
    if (parsed === undefined) return false;
    const [address, length] = parsed;
    this.rangesOf(address.kind(), length).set(prefixOf(address.toByteArray(), length), entry);
    return true;
  }

  /** The entry of the narrowest range that holds `address`, given in canonical form. */
  find(address: string): Entry | undefined {
    if (this.lengths.size === 0) return undefined;
    const bytes = bytesOf(address);
    if (bytes === undefined) return undefined;
    for (const { length, ranges } of this.lengths.get(bytes.length === 4 ? 'ipv4' : 'ipv6') ?? []) {
      const found = ranges.get(prefixOf(bytes, length));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private rangesOf(kind: string, length: number): Map<string, Entry> {
    const lengths = this.lengths.get(kind) ?? [];
    this.lengths.set(kind, lengths);
    const known = lengths.find((candidate) => candidate.length === length);
    if (known !== undefined) return known.ranges;
    const ranges = new Map<string, Entry>();
    lengths.push({ length, ranges });
    lengths.sort((a, b) => b.length - a.length);
    return ranges;
  }
}

const FOUR_DECIMALS = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

function bytesOf(address: string): readonly number[] | undefined {
  // The common case, without the generality of ipaddr.js.
  const match = FOUR_DECIMALS.exec(address);
  if (match !== null) return match.slice(1).map(Number);
  return address.includes(':') && ipaddr.IPv6.isValid(address) ? ipaddr.process(address).toByteArray() : undefined;
}

function parsedRange(range: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  const text = range.trim();
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  if (text.includes('/') || !(isIpv4(text) || ipaddr.IPv6.isValid(text))) return undefined;
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function prefixOf(bytes: readonly number[], length: number): string {
  const whole = length >> 3;
  const rest = length & 7;
  let prefix = '';
  for (let index = 0; index < whole; index += 1) prefix += String.fromCharCode(bytes[index] ?? 0);
  return rest === 0 ? prefix : prefix + String.fromCharCode((bytes[whole] ?? 0) & (0xff << (8 - rest)) & 0xff);
}
