import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { answer, emptyAnswer } from './route.ts';
import { makeSafeHeaders } from './safe-headers.ts';
import { openTestServer, plainRoute } from './test-bed.ts';

const opened: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});
const body = z.looseObject({ text: z.string() });
const open = async () => {
  const { app } = await openTestServer([
    plainRoute(async ({ body: given }) => answer(200, given), {
      method: 'POST',
      body,
      responses: { 200: body },
    }),
    plainRoute(async () => emptyAnswer(204), {
      name: 'bare',
      method: 'DELETE',
      path: '/api/v1/bare',
      responses: { 204: null },
    }),
  ]);
  opened.push(app);
  return app;
};
const send = async (payload: string | Buffer, type = 'application/json') => {
  const app = await open();
  return app.inject({
    method: 'POST',
    url: '/api/v1/plain',
    headers: { 'content-type': type },
    payload,
  });
};

describe('an empty body is no body', () => {
  test.each(['application/json', 'text/plain', 'application/x-www-form-urlencoded'])(
    'when the client calls it %s',
    async (type) => {
      const app = await open();
      const headers = { 'content-type': type };
      const reply = await app.inject({ method: 'DELETE', url: '/api/v1/bare', headers });
      expect(reply.statusCode).toBe(204);
      const sized = { ...headers, 'content-length': '0' };
      const other = await app.inject({ method: 'DELETE', url: '/api/v1/bare', headers: sized });
      expect(other.statusCode).toBe(204);
    },
  );

  test('and where one is needed, its fields are named as missing', async () => {
    const reply = await send('');
    expect(reply.json()).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ path: 'body.text' }],
    });
  });
});

describe('a text in a body', () => {
  test.each([
    ['a NUL', '{"text":"a\\u0000b"}', 'NUL'],
    ['half of a pair', '{"text":"a\\ud83d"}', 'surrogate'],
    ['a NUL beside other letters', '{"text":"가\\u0000"}', 'NUL'],
  ])('that has %s is refused with its place', async (_, payload, word) => {
    const reply = await send(payload);
    expect(reply.statusCode).toBe(400);
    const [fault] = reply.json()['errors'];
    expect(fault.path).toBe('body.text');
    expect(fault.message).toContain(word);
  });

  test('that is not UTF-8 is refused instead of changed', async () => {
    const bytes = Buffer.concat([Buffer.from('{"text":"'), Buffer.from([0xb0, 0xa1, 0x22, 0x7d])]);
    const reply = await send(bytes);
    expect([reply.statusCode, reply.json()['errors'][0].message]).toEqual([400, 'is not UTF-8']);
  });

  test('arrives in NFC, however it was spelt or escaped', async () => {
    expect((await send(JSON.stringify({ text: '가'.normalize('NFD') }))).json().text).toBe('가');
    expect((await send('{"text":"e\\u0301"}')).json().text).toBe('é');
    expect((await send('{"text":"\\n\u0303"}')).json().text).toBe('\n\u0303');
    expect((await send('{"text":"plain"}')).json().text).toBe('plain');
  });
});

test('Strict-Transport-Security is promised only where the public address has TLS', () => {
  expect(makeSafeHeaders(true)).toHaveProperty('strict-transport-security');
  expect(makeSafeHeaders(false)).not.toHaveProperty('strict-transport-security');
});
