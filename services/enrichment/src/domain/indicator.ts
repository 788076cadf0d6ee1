import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { parse } from 'tldts';
import { OBSERVABLE_TYPES, type Observable } from '#contracts/alert';
import { isIpv4, mayBeIpv6 } from '#libs/kernel';

export type IndicatorType = Observable['type'];

/** A value of a known type in the one form in which it is compared. */
export interface Indicator {
  readonly type: IndicatorType;
  readonly value: string;
}

/** OCSF 1.8 `observable.type_id`. A domain is a hostname there. */
export const typeIdOf = (type: IndicatorType): number => OBSERVABLE_TYPES[type];

const LONGEST_VALUE = 2048;
const LONGEST_NAME = 253;
const HASH_LENGTHS = new Set([32, 40, 56, 64, 96, 128]);

/** Addresses that point at nobody: unspecified, loopback, broadcast, multicast. */
const POINTLESS_RANGES = new Set(['unspecified', 'loopback', 'broadcast', 'multicast']);

/** An address by itself, IPv4 in four decimals or IPv6 with or without zone, in its shortest form. */
export function asAddress(text: string): Indicator | undefined {
  const bare = text.includes('%') ? text.slice(0, text.indexOf('%')) : text;
  const address = parsedAddress(bare);
  if (address === undefined) return undefined;
  if (POINTLESS_RANGES.has(address.range())) return undefined;
  return { type: 'ip', value: address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString() };
}

function parsedAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (isIpv4(text)) return ipaddr.IPv4.parse(text);
  if (!mayBeIpv6(text) || !ipaddr.IPv6.isValid(text)) return undefined;
  // `::ffff:192.0.2.1` is an IPv4 address in disguise.
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

export function asHash(text: string): Indicator | undefined {
  if (!HASH_LENGTHS.has(text.length) || !/^[0-9a-f]+$/i.test(text)) return undefined;
  // 000...0 and the like stand for "no hash".
  return /^(.)\1+$/.test(text) ? undefined : { type: 'hash', value: text.toLowerCase() };
}

/** A name below a public suffix of ICANN's part of the Public Suffix List. */
export function asDomain(text: string): Indicator | undefined {
  const name = asName(text);
  if (name === undefined) return undefined;
  const { isIcann, domain, isIp } = parse(name, { validateHostname: false });
  return isIcann === true && domain !== null && isIp !== true ? { type: 'domain', value: name } : undefined;
}

/** A machine's name, with or without dots. */
export function asHostname(text: string): Indicator | undefined {
  const name = asName(text);
  return name === undefined || isIpv4(name) ? undefined : { type: 'hostname', value: name };
}

export function asEmail(text: string): Indicator | undefined {
  const at = text.lastIndexOf('@');
  if (at < 1 || at > 64 || text.length > 320) return undefined;
  const local = text.slice(0, at);
  const domain = asName(text.slice(at + 1));
  if (domain === undefined || !domain.includes('.') || !/^[\w.!#$%&'*+/=?^`{|}~-]+$/u.test(local)) return undefined;
  return { type: 'email', value: `${local.toLowerCase()}@${domain}` };
}

const SCHEMES = new Set([
  'http:',
  'https:',
  'ftp:',
  'ftps:',
  'sftp:',
  'ws:',
  'wss:',
  'ldap:',
  'ldaps:',
  'tcp:',
  'udp:',
]);

export function asUrl(text: string): Indicator | undefined {
  const url = parsedUrl(text);
  return url === undefined || url.href.length > LONGEST_VALUE ? undefined : { type: 'url', value: url.href };
}

/** The machine that a URL points at. */
export function hostOfUrl(text: string): Indicator | undefined {
  const host = parsedUrl(text)?.hostname.replace(/^\[|\]$/g, '');
  if (host === undefined || host === '') return undefined;
  return asAddress(host) ?? (host.includes('.') && !isIpv4(host) ? nameAs('domain', host) : undefined);
}

/** A user's name, without the domain before a backslash. What stands for no account is none. */
export function asUsername(text: string): Indicator | undefined {
  const name = text.slice(text.lastIndexOf('\\') + 1).trim();
  if (name === '' || name.length > 256 || NO_ACCOUNT.has(name.toLowerCase())) return undefined;
  return { type: 'username', value: name };
}

const NO_ACCOUNT = new Set(['-', 'unknown', 'n/a', 'none', 'null', '(null)', 'anonymous', 'anonymous logon']);

/** What a value by itself is, for look-ups and lists; a word that could be a machine or an account has no type. */
export function indicatorOf(text: string): Indicator | undefined {
  return (
    asAddress(text) ??
    asHash(text) ??
    asUrl(text) ??
    asEmail(text) ??
    (text.includes('.') ? nameAs('domain', text) : undefined)
  );
}

function nameAs(type: 'domain' | 'hostname', text: string): Indicator | undefined {
  const value = asName(text);
  return value === undefined ? undefined : { type, value };
}

/** RFC 1123 labels, internationalized names as Punycode; an address is no name. */
function asName(text: string): string | undefined {
  const bare = text.endsWith('.') ? text.slice(0, -1) : text;
  if (bare === '' || bare.length > LONGEST_NAME) return undefined;
  const isAscii = /^[\x21-\x7e]+$/.test(bare);
  const name = isAscii ? bare.toLowerCase() : domainToASCII(bare);
  if (name === '' || name.length > LONGEST_NAME) return undefined;
  const isName = name.split('.').every((label) => /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/.test(label));
  return isName ? name : undefined;
}

function parsedUrl(text: string): URL | undefined {
  if (text.length > 4 * LONGEST_VALUE || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return SCHEMES.has(url.protocol) && url.hostname !== '' ? url : undefined;
}
