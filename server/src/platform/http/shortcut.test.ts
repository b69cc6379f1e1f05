import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { makeMetrics } from '../metrics.ts';
import { answer } from './route.ts';
import { makeShortcuts, type ReadyAnswer } from './shortcut.ts';
import { openTestServer, plainRoute } from './test-bed.ts';

const path = '/api/v1/plain';
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ready = (text: string, etag = '"1"'): ReadyAnswer => ({
  route: 'plain',
  body: Buffer.from(text),
  etag,
  headers: { 'content-type': 'text/plain', 'cache-control': 'public, max-age=1' },
});
/** A server whose route answers `routed`, and shortcuts before it. */
const open = async (
  more: Parameters<typeof openTestServer>[1] = {},
  beforeListening?: (app: FastifyInstance) => void,
) => {
  const metrics = makeMetrics();
  const shortcuts = makeShortcuts(metrics, {});
  let routed = 0;
  const route = plainRoute(async () => {
    routed++;
    return answer(200, 'routed') as never;
  });
  const server = await openTestServer([route], {
    mountShortcuts: shortcuts.mount,
    checkAnswers: false,
    ...more,
  });
  beforeListening?.(server.app);
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  closers.push(() => server.app.close());
  const { port } = server.app.server.address() as AddressInfo;
  const ask = (init: RequestInit = {}, query = '') =>
    fetch(`http://127.0.0.1:${port}${path}${query}`, init);
  const counted = async () =>
    (await metrics.registry.metrics())
      .split('\n')
      .filter((line) => line.startsWith('usher_http_shortcuts_total{'));
  return { ...server, shortcuts, ask, counted, routedTimes: () => routed };
};

describe('a prepared response', () => {
  test('is sent to everyone without routing, until it is replaced or dropped', async () => {
    const { shortcuts, ask, routedTimes } = await open();
    shortcuts.put(path, ready('first'));
    expect(await (await ask()).text()).toBe('first');
    shortcuts.put(path, ready('second', '"2"'));
    const second = await ask();
    expect([second.headers.get('etag'), await second.text()]).toEqual(['"2"', 'second']);
    expect(second.headers.get('cache-control')).toBe('public, max-age=1');
    expect(second.headers.get('content-length')).toBe('6');
    expect(routedTimes()).toBe(0);
    shortcuts.drop(path);
    expect(await (await ask()).json()).toBe('routed');
  });

  test('is not sent again to a client that has it', async () => {
    const { shortcuts, ask } = await open();
    shortcuts.put(path, ready('first'));
    const again = await ask({ headers: { 'if-none-match': '"1"' } });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', '"1"']);
    expect((await ask({ headers: { 'if-none-match': '"0"' } })).status).toBe(200);
  });

  test('is counted', async () => {
    const { shortcuts, ask, counted } = await open();
    shortcuts.put(path, ready('first'));
    for (const etag of ['"1"', '"1"', '"0"']) await ask({ headers: { 'if-none-match': etag } });
    shortcuts.drop(path);
    expect(await counted()).toEqual([
      'usher_http_shortcuts_total{route="plain",status="200"} 1',
      'usher_http_shortcuts_total{route="plain",status="304"} 2',
    ]);
  });
});

describe('a shortcut is skipped for', () => {
  test('another method, another address, or a browser on another site', async () => {
    const { shortcuts, ask, routedTimes } = await open({ allowedOrigins: ['https://a.test'] });
    shortcuts.put(path, ready('first'));
    const fromAfar = await ask({ headers: { origin: 'https://a.test' } });
    expect(fromAfar.headers.get('access-control-allow-origin')).toBe('https://a.test');
    expect((await ask({ method: 'HEAD' })).status).toBe(200);
    await ask({}, '?a=1');
    expect(routedTimes()).toBe(3);
  });

  test('every request while the event loop is late, so that the server refuses it', async () => {
    const { shortcuts, ask, app } = await open({ loopDelayMaxMs: 1 });
    shortcuts.put(path, ready('first'));
    // Every mean delay is above a limit of 1 ms, once it has been measured.
    app.isUnderPressure = () => true;
    expect(await (await ask()).text()).not.toBe('first');
  });

  test('requests that arrive while the server closes, which get connection: close', async () => {
    const answered: string[] = [];
    const askAgain = { now: async (): Promise<string> => '' };
    // Runs after the shortcuts are notified, before the server stops listening.
    const { shortcuts, app, ask } = await open({}, (server) =>
      server.addHook('preClose', async () => void answered.push(await askAgain.now())),
    );
    shortcuts.put(path, ready('first'));
    askAgain.now = async () => (await ask()).text();
    await app.close();
    expect(answered).toEqual(['"routed"']);
  });
});
