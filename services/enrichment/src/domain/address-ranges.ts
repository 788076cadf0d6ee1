import ipaddr from 'ipaddr.js';

/** Address ranges, looked up in one step for each length of prefix however many ranges there are. */
export class AddressRanges<Entry> {
  private readonly byPrefix = new Map<string, Map<string, Entry>>();

  /** `192.0.2.0/24`, or one address. Returns false, and adds nothing, for anything else. */
  add(range: string, entry: Entry): boolean {
    const parsed = parsedRange(range);
    if (parsed === undefined) return false;
    const [address, length] = parsed;
    const kind = `${address.kind()}/${length}`;
    const ranges = this.byPrefix.get(kind) ?? new Map<string, Entry>();
    this.byPrefix.set(kind, ranges);
    ranges.set(prefixOf(address.toByteArray(), length), entry);
    return true;
  }

  /** The entry of the narrowest range that holds `address`, given in canonical form. */
  find(address: string): Entry | undefined {
    if (this.byPrefix.size === 0 || !ipaddr.isValid(address)) return undefined;
    const parsed = ipaddr.process(address);
    const bytes = parsed.toByteArray();
    for (let length = bytes.length * 8; length >= 0; length -= 1) {
      const found = this.byPrefix.get(`${parsed.kind()}/${length}`)?.get(prefixOf(bytes, length));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function parsedRange(range: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  const text = range.trim();
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  if (text.includes('/') || !(ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text))) return undefined;
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function prefixOf(bytes: readonly number[], length: number): string {
  const whole = length >> 3;
  const prefix = bytes.slice(0, whole);
  const rest = length & 7;
  if (rest > 0) prefix.push((bytes[whole] ?? 0) & (0xff << (8 - rest)) & 0xff);
  return prefix.join('.');
}
