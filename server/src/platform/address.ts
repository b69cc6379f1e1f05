import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';

/** Whether only this machine can reach the address. */
export const isLoopback = (host: string): boolean =>
  ['127.0.0.1', '::1', '[::1]', 'localhost'].includes(host);

/** Addresses of this machine that others can reach, IPv4 first. */
export const listOwnAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .toSorted((a, b) => a.family.localeCompare(b.family))
    .map(({ address }) => address);

/**
 * The origin under which a server on this host and port is reached. An address that stands for all
 * (0.0.0.0, ::) is nothing to link to: the first of the machine's own addresses takes its place.
 */
export const chooseOrigin = (
  host: string,
  port: number,
  ownAddresses: readonly string[] = listOwnAddresses(),
): string => {
  const isAny = host === '0.0.0.0' || host === '::';
  const name = isAny ? (ownAddresses[0] ?? '127.0.0.1') : host;
  return new URL(`http://${name.includes(':') ? `[${name}]` : name}:${port}`).origin;
};

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses it: stop that one, or set PORT',
  EADDRNOTAVAIL: 'no such address on this machine: set HOST to one of its addresses',
  ENOTFOUND: 'no such host: set HOST to an address of this machine',
  EACCES: 'this user may not use it: set PORT to 1024 or more',
};

/**
 * Listens for a moment, to find out before any work whether a server could. Rejects with an error
 * that says what is in the way and what to do.
 */
export const tryListening = (host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => {
      const code = 'code' in error ? String(error.code) : '';
      const why = remedies[code] ?? error.message;
      reject(new Error(`cannot listen on port ${port} of ${host}: ${why}`, { cause: error }));
    });
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
