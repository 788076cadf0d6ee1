import ipaddr from 'ipaddr.js';
import { DomainError } from '#libs/kernel';
import { listedAddresses, type EgressRules } from './egress-rules';

/** Ranges that belong to nobody in particular on the internet: reached only where a connection lists the address. */
const PUBLIC_RANGE = 'unicast';

/** Throws DomainError('egress_refused') for an address in a private, loopback, link-local or reserved range that is not listed. */
export function requireReachable(address: string, rules: EgressRules): void {
  const parsed = ipaddr.process(address);
  if (parsed.range() === PUBLIC_RANGE || isListed(parsed, rules)) return;
  throw new DomainError('egress_refused', {
    field: 'allowedHosts',
    reason: `${address} is a ${parsed.range()} address, and the connection does not list it.`,
  });
}

function isListed(address: ipaddr.IPv4 | ipaddr.IPv6, rules: EgressRules): boolean {
  return listedAddresses(rules).some((entry) => {
    if (entry.includes('/')) {
      if (!ipaddr.isValidCIDR(entry)) return false;
      const [range, bits] = ipaddr.parseCIDR(entry);
      return range.kind() === address.kind() && address.match(range, bits);
    }
    return ipaddr.isValid(entry) && ipaddr.process(entry).toNormalizedString() === address.toNormalizedString();
  });
}
