/** What a connection may reach: the entries of its `allowedHosts`, and nothing else. */
export interface EgressRules {
  /** Host names and address literals, with or without `:port`, lower case; `10.1.0.0/16` lists a private range. */
  readonly allowedHosts: readonly string[];
}

export interface Destination {
  /** Lower case; an IPv6 literal without brackets. */
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORTS: Record<string, number> = { 'http:': 80, 'https:': 443 };

export function destinationOf(url: URL): Destination {
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, '');
  return { host, port: url.port === '' ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port) };
}

/** Whether the name or literal that a request names stands in the list. */
export function isListedHost(rules: EgressRules, { host, port }: Destination): boolean {
  return rules.allowedHosts.some((entry) => {
    const listed = parseEntry(entry);
    return listed.host === host && (listed.port === undefined || listed.port === port);
  });
}

/** The entries that are addresses or ranges: what a private address must be listed in to be reached. */
export function listedAddresses(rules: EgressRules): string[] {
  return rules.allowedHosts.map((entry) => (entry.includes('/') ? entry : parseEntry(entry).host));
}

function parseEntry(entry: string): { host: string; port?: number } {
  const lower = entry.toLowerCase();
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(lower);
  if (bracketed)
    return { host: bracketed[1] ?? '', port: bracketed[2] === undefined ? undefined : Number(bracketed[2]) };
  const [host = '', port, ...rest] = lower.split(':');
  // More than one colon and no brackets: an IPv6 literal.
  if (rest.length > 0) return { host: lower };
  return { host, port: port === undefined ? undefined : Number(port) };
}
