import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { chooseOrigin, isLoopback, tryListening } from './address.ts';

test('a link names an address that others can reach, never 0.0.0.0', () => {
  const own = ['192.168.0.7', 'fd00::7'];
  expect(chooseOrigin('0.0.0.0', 3000, own)).toBe('http://192.168.0.7:3000');
  expect(chooseOrigin('::', 3000, ['fd00::7'])).toBe('http://[fd00::7]:3000');
  expect(chooseOrigin('0.0.0.0', 3000, [])).toBe('http://127.0.0.1:3000');
  expect(chooseOrigin('127.0.0.1', 80, own)).toBe('http://127.0.0.1');
  expect(chooseOrigin('::1', 3000, own)).toBe('http://[::1]:3000');
});

test('only the addresses of this machine alone are loopback', () => {
  for (const host of ['127.0.0.1', '::1', '[::1]', 'localhost'])
    expect(isLoopback(host)).toBe(true);
  for (const host of ['0.0.0.0', '::', '192.168.0.7', 'localhost.example'])
    expect(isLoopback(host)).toBe(false);
});

test('a taken port is refused with its number and the remedy, a free one stays free', async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  await expect(tryListening('127.0.0.1', port)).rejects.toThrow(
    `cannot listen on port ${port} of 127.0.0.1: another program uses it`,
  );
  await new Promise((resolve) => server.close(resolve));
  await tryListening('127.0.0.1', port);
  await tryListening('127.0.0.1', port);
});

test('an address that this machine does not have is refused with the remedy', async () => {
  await expect(tryListening('192.0.2.1', 3000)).rejects.toThrow('set HOST to one of its addresses');
});
