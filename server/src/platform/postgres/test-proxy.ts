import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * A proxy between a test and its database: responses can be dropped, connections can be cut, and
 * new ones refused.
 */
export const openTestProxy = async (url: string) => {
  const target = new URL(url);
  const way = { port: Number(target.port), host: target.hostname };
  const pairs = new Set<{ near: Socket; far: Socket }>();
  let isSwallowing = false;
  let isRefusing = false;
  let made = 0;
  const server = createServer((near) => {
    if (isRefusing) return void near.resetAndDestroy();
    made++;
    const far = connect(way);
    const pair = { near, far };
    pairs.add(pair);
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => {
      if (!isSwallowing) near.write(bytes);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => one.destroy());
      one.on('close', () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target.hostname = '127.0.0.1';
  target.port = String((server.address() as AddressInfo).port);
  const cut = (): void => {
    for (const { near } of pairs) near.resetAndDestroy();
  };
  return {
    url: target.href,
    get open() {
      return pairs.size;
    },
    /** Connections let through so far. */
    get made() {
      return made;
    },
    swallow: (isOn: boolean): void => {
      isSwallowing = isOn;
    },
    refuse: (isOn: boolean): void => {
      isRefusing = isOn;
    },
    cut,
    close: async (): Promise<void> => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
};
