import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { until } from '@usher/tests/support/until.ts';
import { expect, test } from 'vitest';
import { makePost } from './post.ts';
import { whenOver } from './test-bed.ts';

/** A server that answers the requests on a connection with these raw texts in turn. */
const startRaw = async (answers: (string | 'close' | 'reset')[]) => {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    let text = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      text += chunk;
      const length = Number(/content-length: (\d+)/.exec(text)?.[1]);
      if (Buffer.byteLength(text) < text.indexOf('\r\n\r\n') + 4 + length) return;
      const answer = answers[requests.push(text) - 1]!;
      text = '';
      if (answer === 'close') socket.end();
      else if (answer === 'reset') socket.resetAndDestroy();
      else for (const part of answer.split('|')) socket.write(part);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?x=1`);
  const sender = makePost(() => url);
  whenOver(async () => {
    sender.close();
    for (const socket of sockets) socket.destroy();
    const closed = once(server, 'close');
    server.close();
    await closed;
  });
  return {
    send: (body: string): Promise<number | null> =>
      new Promise((resolve) => {
        sender.post({ 'x-name': 'value' }, body, resolve);
      }),
    sender,
    requests,
    connections: () => connections,
    dropConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
};

const plain = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('a post sends a complete request, with its length in bytes', async () => {
  const { send, requests } = await startRaw([plain]);
  expect(await send('{"name":"별"}')).toBe(200);
  const [head, body] = requests[0]!.split('\r\n\r\n');
  expect(head!.split('\r\n')).toEqual([
    'POST /hook?x=1 HTTP/1.1',
    expect.stringMatching(/^host: 127\.0\.0\.1:\d+$/),
    'x-name: value',
    'content-length: 14',
  ]);
  expect(body).toBe('{"name":"별"}');
});

test.each([
  ['a length', plain],
  ['a length of nothing', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['no body', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n|0\r\n\r\n'],
  ['pieces', 'HTTP/1.1 2|00 OK\r\nContent-Length: 4|\r\n\r\nok|ok'],
])('a post keeps the connection after an answer with %s', async (_name, answer) => {
  const { send, connections } = await startRaw([answer, answer, answer]);
  for (const body of ['1', '2', '3']) expect([200, 204]).toContain(await send(body));
  expect(connections()).toBe(1);
});

test.each([
  ['says that it closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
  ['has no length', 'HTTP/1.1 200 OK\r\n\r\nok'],
])('a post opens a new connection after an answer that %s', async (_name, answer) => {
  const { send, connections } = await startRaw([answer, answer]);
  expect([await send('1'), await send('2')]).toEqual([200, 200]);
  expect(connections()).toBe(2);
});

test('a post does not wait for the end of an endless answer', async () => {
  const endless = `HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n${'x'.repeat(300_000)}`;
  const { send, connections } = await startRaw([endless, plain]);
  expect([await send('1'), await send('2')]).toEqual([200, 200]);
  expect(connections()).toBe(2);
});

test('a post does not take unsolicited data for the answer to the next request', async () => {
  const { send } = await startRaw([`${plain}|HTTP/1.1 408 Request Timeout\r\n\r\n`, plain]);
  expect([await send('1'), await send('2')]).toEqual([200, 200]);
});

test.each([
  ['close', 'close'],
  ['reset', 'reset'],
  ['half an answer', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ['no HTTP', 'hello\r\n\r\n'],
])('a post reports no status after %s', async (_name, answer) => {
  const { send, dropConnections, requests } = await startRaw([answer]);
  const sent = send('1');
  await until('the request has come', () => requests.length === 1);
  if (answer.startsWith('HTTP')) dropConnections();
  expect(await sent).toBeNull();
});

test('a post retries once on a new connection if the kept one turns out to be closed', async () => {
  const { send, connections } = await startRaw([plain, 'close', plain]);
  expect([await send('1'), await send('2')]).toEqual([200, 200]);
  expect(connections()).toBe(2);
});

test('a post does not reuse a connection that the other side has closed meanwhile', async () => {
  const { send, dropConnections, connections, requests } = await startRaw([plain, plain]);
  await send('1');
  dropConnections();
  expect(await send('2')).toBe(200);
  expect(requests).toHaveLength(2);
  expect(connections()).toBe(2);
});

test('a post can be stopped while it waits, and then reports nothing', async () => {
  const { sender, requests, send } = await startRaw(['HTTP/1.1 100 ', plain]);
  const told: unknown[] = [];
  const stop = sender.post({}, '1', (status) => told.push(status));
  await until('the request has come', () => requests.length === 1);
  stop();
  expect(await send('2')).toBe(200);
  expect(told.filter((status) => status !== null)).toEqual([]);
});
