import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { afterThisFile } from '../support/after-file.ts';
import { makeRawClient, parseAnswer } from './raw-http.ts';

const serve = async (listener: RequestListener, connectionsMax: number) => {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = makeRawClient(`http://127.0.0.1:${port}`, connectionsMax);
  afterThisFile(async () => {
    client.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return client;
};

test('an answer is complete only with its whole body, however it is split', () => {
  const text = 'HTTP/1.1 201 Created\r\nContent-Length: 5\r\nx: y\r\n\r\nhello';
  for (let end = 0; end < text.length; end++)
    expect(parseAnswer(Buffer.from(text.slice(0, end)))).toBeNull();
  const answer = parseAnswer(Buffer.from(`${text}HTTP/1.1 200`));
  expect(answer).toMatchObject({ status: 201, length: text.length });
  expect(answer?.body.toString()).toBe('hello');
});

test('an answer needs a length unless it has no body', () => {
  expect(parseAnswer(Buffer.from('HTTP/1.1 304 Not Modified\r\n\r\n'))).toMatchObject({
    status: 304,
  });
  expect(() => parseAnswer(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))).toThrow('length');
});

test('over few connections every request gets its own answer', async () => {
  const client = await serve((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = `${request.method} ${request.url} ${Buffer.concat(chunks)}`;
      response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body);
    });
  }, 3);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => client.send('POST', `/${i}`, '', `{"ko":"표${i}"}`)),
  );
  expect(answers.map(({ body }) => body.toString())).toEqual(
    answers.map((_, i) => `POST /${i} {"ko":"표${i}"}`),
  );
  expect(client.bytes.received).toBeGreaterThan(client.bytes.sent / 10);
});

test('a broken connection fails only its own request', async () => {
  const client = await serve((request, response) => {
    if (request.url === '/break') request.socket.destroy();
    else response.writeHead(204).end();
  }, 2);
  const outcomes = await Promise.allSettled(
    ['/a', '/break', '/b', '/c'].map((path) => client.send('GET', path, '', null)),
  );
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);
});
