const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;
const LIKE_IPV6 = /^[0-9a-fx]*:[0-9a-fx:.]*(?:%[0-9a-z]+)?$/i;

/**
 * Whether a text is an IPv4 address: four decimals, none with a leading zero. ipaddr.js, asked the same, throws and catches
 * an error for every text that is none, which took more than half of what enriching an alert did.
 */
export const isIpv4 = (text: string): boolean => text.length <= 15 && IPV4.test(text);

/** False for what is certainly no IPv6 address, told without an error thrown; true for what a parser has to decide. */
export const mayBeIpv6 = (text: string): boolean => LIKE_IPV6.test(text);
