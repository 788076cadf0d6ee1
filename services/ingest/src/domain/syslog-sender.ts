import ipaddr from 'ipaddr.js';

/** Who may send to a listener, and whose messages they are then. */
export interface SyslogSender {
  /** `192.0.2.0/24`, or a single address; undefined for any. */
  readonly networks: readonly string[] | undefined;
  /** Names in the sender's certificate, or `sha256:` and its fingerprint; undefined for any. */
  readonly certificates: readonly string[] | undefined;
  readonly tenant: string;
  /** The name of a registered source. */
  readonly source: string;
}

/** The part of a certificate that a sender is known by. */
export interface SenderCertificate {
  /** Whether `name` is one of its names, or its fingerprint. */
  isNamed(name: string): boolean;
}

/** Where messages come in. */
export interface SyslogListener {
  readonly name: string;
  readonly protocol: 'udp' | 'tcp' | 'tls';
  readonly host: string;
  readonly port: number;
  /** In order: the first that fits. */
  readonly senders: readonly SyslogSender[];
  readonly tls: { readonly key: Buffer; readonly certificate: Buffer; readonly ca: Buffer | undefined } | undefined;
  readonly maxConnections: number;
  readonly idleSeconds: number;
}

/** The networks of a list. @throws Error for what is none, with what was wrong. */
export function parseNetworks(networks: readonly string[]): (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[] {
  return networks.map((network) => {
    if (network.includes('/')) return ipaddr.parseCIDR(network);
    const address = ipaddr.parse(network);
    return [address, address.kind() === 'ipv4' ? 32 : 128] as const;
  });
}

/**
 * The sender that a peer is: the first whose networks it is in and whose certificate it has. Undefined for nobody's: what
 * comes from there is refused, and never taken for somebody else's.
 */
export function senderOf(
  senders: readonly SyslogSender[],
  address: string,
  certificate: SenderCertificate | undefined,
): SyslogSender | undefined {
  // An IPv4 peer of a socket for both is mapped into IPv6.
  const peer = ipaddr.isValid(address) ? ipaddr.process(address) : undefined;
  return senders.find(
    ({ networks, certificates }) =>
      (networks === undefined || (peer !== undefined && isWithin(peer, networks))) &&
      (certificates === undefined || certificates.some((name) => certificate?.isNamed(name))),
  );
}

const isWithin = (peer: ipaddr.IPv4 | ipaddr.IPv6, networks: readonly string[]): boolean =>
  parseNetworks(networks).some(([network, bits]) => network.kind() === peer.kind() && peer.match(network, bits));

/** Whether other machines reach a socket that is bound to `host`. */
export const isOpenToOthers = (host: string): boolean =>
  host !== 'localhost' && !(ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback');
