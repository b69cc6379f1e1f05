import { describe, expect, test } from 'vitest';
import { readCallerAddress } from './caller-address.ts';

const read = (ip: string): string =>
  readCallerAddress({ ip, socket: { remoteAddress: '10.0.0.1' } });

describe('the address of a caller', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:4000', '203.0.113.7'],
    [' 203.0.113.7:65535', '203.0.113.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]:4000', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['::ffff:203.0.113.7', '::ffff:203.0.113.7'],
  ])('reported as %j is %s: a port is another connection, not another person', (given, address) => {
    expect(read(given)).toBe(address);
  });

  test.each(['unknown', 'unknown1', '_hidden', '', '203.0.113.7:x', '203.0.113', '[::1'])(
    'reported as %j is that of the connection',
    (given) => {
      expect(read(given)).toBe('10.0.0.1');
    },
  );
});
