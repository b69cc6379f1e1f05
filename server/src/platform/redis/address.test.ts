import { expect, test } from 'vitest';
import { isRedisUrl, redisAddresses } from './address.ts';

test('an address gives host, port, database, user, password and whether TLS is used', () => {
  expect(redisAddresses('rediss://usher:p%40ss@[::1]:7000/3')).toEqual([
    { host: '::1', port: 7000, username: 'usher', password: 'p@ss', db: 3, isTls: true },
  ]);
  expect(redisAddresses('redis://r.internal')).toEqual([
    { host: 'r.internal', port: 6379, username: '', password: '', db: 0, isTls: false },
  ]);
});

test('several addresses are those of a Cluster: same credentials and TLS, database 0', () => {
  expect(redisAddresses('redis://a:1, redis://b:2,').map(({ port }) => port)).toEqual([1, 2]);
  expect(isRedisUrl('redis://a:1,redis://b:2')).toBe(true);
  expect(isRedisUrl('redis://a:1,rediss://b:2')).toBe(false);
  expect(isRedisUrl('redis://a:1/1,redis://b:2/1')).toBe(false);
});

test.each(['', ',', 'a:6379', 'http://a', 'redis://', 'redis://a/x', 'redis://a?db=1'])(
  'is not an address: %j',
  (text) => {
    expect(isRedisUrl(text)).toBe(false);
  },
);
