import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { isIpv4, mayBeIpv6 } from './ip-address';

const hexadecimal = fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF:.%x'), maxLength: 45 });
const decimals = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 3, maxLength: 5 }).map((all) => all.join('.'));

describe('an address', () => {
  it.each(['0.0.0.0', '192.0.2.1', '255.255.255.255'])('of version 4: %s', (text) => expect(isIpv4(text)).toBe(true));

  it.each(['', '1.2.3', '1.2.3.4.', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.x', ' 1.2.3.4'])(
    'is not of version 4: %j',
    (text) => expect(isIpv4(text)).toBe(false),
  );

  it('is of version 4 where ipaddr.js says so', () => {
    fc.assert(
      fc.property(fc.oneof(decimals, fc.ipV4(), hexadecimal, fc.string()), (text) => {
        expect(isIpv4(text)).toBe(ipaddr.IPv4.isValidFourPartDecimal(text));
      }),
    );
  });

  it('may be of version 6 wherever ipaddr.js says that it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV6(), hexadecimal, fc.string()), (text) => {
        expect(mayBeIpv6(text) || !ipaddr.IPv6.isValid(text)).toBe(true);
      }),
    );
    for (const text of ['fe80::1%eth0', '::ffff:192.0.2.1', '::1', '::']) expect(mayBeIpv6(text)).toBe(true);
    for (const text of ['https://example.com', 'C:\\Windows', '12:30', 'cafe']) {
      expect(mayBeIpv6(text) && !/^[0-9a-f:]+$/.test(text)).toBe(false);
    }
  });
});
