import { EventEmitter, once } from 'node:events';
import { openRaw, requestText } from '@usher/tests/support/raw-http.ts';
import { until } from '@usher/tests/support/until.ts';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { manualClock } from '../clock.ts';
import { frameOf, makeStreams, type Streams } from './sse.ts';
import { openTestServer, plainRoute } from './test-bed.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const openStreams = () => {
  const clock = manualClock(0);
  const streams = makeStreams(clock);
  closers.push(streams.close);
  return { clock, streams };
};
/** A server whose only route is a stream of the topic that the query names. */
const open = async (before: () => Promise<void> = async () => undefined) => {
  const { clock, streams } = openStreams();
  const handler = plainRoute(async (request) => {
    await before();
    const topic = new URL(request.raw.url, 'http://usher').searchParams.get('topic') ?? '';
    const viewer = { accountId: null, address: request.address };
    return { stream: (reply: FastifyReply) => streams.join(topic, reply, 'first\n\n', viewer) };
  });
  const { app, lines } = await openTestServer([handler], { allowedOrigins: ['https://a.example'] });
  const origin = await app.listen({ host: '127.0.0.1', port: 0 });
  closers.push(() => app.close());
  return { app, clock, streams, origin, lines };
};
type Opened = { origin: string; streams: Streams; app: FastifyInstance };

const watch = async ({ origin, streams }: Opened, topic: string, headers = {}) => {
  const before = streams.viewers(topic);
  const socket = await openRaw(origin);
  closers.push(() => void socket.destroy());
  const heard = { text: '' };
  socket.on('data', (bytes) => (heard.text += bytes.toString()));
  socket.write(
    requestText(`GET /api/v1/plain?topic=${topic}`, { connection: 'keep-alive', ...headers }),
  );
  await until('the viewer has joined', () => streams.viewers(topic) > before);
  const hears = (text: string) => until(`«${text}»`, () => heard.text.includes(text));
  return { socket, heard, hears };
};

describe('a stream of events', () => {
  test('begins with the state and continues with every frame of its topic only', async () => {
    const server = await open();
    const [a, b] = [await watch(server, 'a'), await watch(server, 'b')];
    server.streams.send('a', frameOf('delta', '7', '[1]'));
    server.streams.send('nobody watches', frameOf('delta', '8', '[1]'));
    server.streams.send('b', frameOf('delta', '9', '[2]'));
    await a.hears('first\n\n');
    await a.hears('event: delta\nid: 7\ndata: [1]\n\n');
    await b.hears('id: 9');
    expect(a.heard.text).not.toMatch(/id: [89]/);
    expect(a.heard.text).toContain('content-type: text/event-stream; charset=utf-8');
    expect(a.heard.text).toContain('cache-control: no-store');
  });

  test('can be read by a page of an allowed site', async () => {
    const server = await open();
    const { heard, hears } = await watch(server, 'a', { origin: 'https://a.example' });
    await hears('first');
    expect(heard.text).toContain('access-control-allow-origin: https://a.example');
  });

  test('sends a sign of life every 15 s, so that no proxy cuts it off', async () => {
    const server = await open();
    const { heard, hears } = await watch(server, 'a');
    await server.clock.advance(14_999);
    expect(heard.text).not.toContain(': still here');
    await server.clock.advance(1);
    await hears(': still here\n\n');
  });

  test('is forgotten when its viewer leaves', async () => {
    const server = await open();
    const { socket } = await watch(server, 'a');
    const other = await watch(server, 'a');
    socket.destroy();
    await until('one viewer is left', () => server.streams.viewers('a') === 1);
    server.streams.send('a', frameOf('delta', '1', ''));
    await other.hears('id: 1');
  });

  test('is not counted if its viewer left before it began', async () => {
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    let hasCome = false;
    let hasLeft = false;
    const server = await open(() => {
      hasCome = true;
      return held;
    });
    server.app.server.on('connection', (socket) => socket.on('close', () => (hasLeft = true)));
    const socket = await openRaw(server.origin);
    socket.write(requestText('GET /api/v1/plain?topic=a'));
    await until('the request has come', () => hasCome);
    socket.destroy();
    await until('the server knows that they left', () => hasLeft);
    go();
    await server.app.close();
    expect(server.streams.viewers('a')).toBe(0);
    expect(server.lines).toEqual([]);
  });

  test('is cut off if its viewer does not read, while others’ streams continue', async () => {
    const server = await open();
    const [slow, quick] = [await watch(server, 'a'), await watch(server, 'a')];
    slow.socket.pause();
    let sent = 0;
    // The system buffers some megabytes before a byte waits in our memory.
    while (server.streams.viewers('a') === 2) {
      const id = `id: ${++sent}\n`;
      server.streams.send('a', frameOf('delta', String(sent), 'x'.repeat(48 * 1024)));
      while (!quick.heard.text.includes(id)) await new Promise((resolve) => setImmediate(resolve));
      quick.heard.text = quick.heard.text.slice(-64 * 1024);
    }
    server.streams.send('a', frameOf('delta', 'last', ''));
    await quick.hears('id: last');
    const cut = once(slow.socket, 'close');
    slow.socket.resume();
    await cut;
    expect(slow.heard.text).not.toContain('id: last');
  });

  test('ends when the program closes, and no stream is opened afterwards', async () => {
    const server = await open();
    const { socket, heard } = await watch(server, 'a');
    const left = once(socket, 'close');
    await server.streams.close();
    await left;
    expect(heard.text).not.toContain('transfer-encoding');
    expect(server.streams.viewers('a')).toBe(0);
    const late = await fetch(`${server.origin}/api/v1/plain?topic=a`);
    expect(await late.json()).toMatchObject({ status: 503, code: 'OVERLOADED' });
    await server.app.close();
  });
});

/** The part of a reply that a stream uses. */
const makeReply = () => {
  const raw = Object.assign(new EventEmitter(), {
    writableLength: 0,
    destroyed: false,
    closed: false,
    hasEnded: false,
    written: '',
    writeHead: () => raw,
    write: (bytes: string | Buffer) => {
      if (raw.hasEnded) throw new Error('written after its end');
      raw.written += bytes.toString();
      return true;
    },
    // Unlike `emit('close')` at once: a connection closes some time after its end.
    end: () => {
      raw.hasEnded = true;
    },
  });
  return { raw, reply: { raw, hijack: () => undefined, getHeaders: () => ({}) } as never };
};
const from = (address: string, accountId: string | null = null) => ({ accountId, address });

describe('with 20,000 viewers, the limit of one process,', () => {
  test('the next one is told to retry later, until somebody leaves', () => {
    const { streams } = openStreams();
    const all = Array.from({ length: 20_000 }, makeReply);
    for (const [i, { reply }] of all.entries())
      streams.join('a', reply, '', from(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`));
    const late = from('192.0.2.1');
    expect(() => streams.join('b', makeReply().reply, '', late)).toThrow(
      expect.objectContaining({ code: 'OVERLOADED', retryable: true }),
    );
    all[0]?.raw.emit('close');
    streams.join('b', makeReply().reply, '', late);
    expect([streams.viewers('a'), streams.viewers('b')]).toEqual([19_999, 1]);
  });
});

describe('streams that are kept open', () => {
  const openSmall = () => {
    const streams = makeStreams(manualClock(0), { perAccount: 2, perAddress: 4, all: 6 });
    closers.push(streams.close);
    const join = (viewer: { accountId: string | null; address: string }) => {
      const { raw, reply } = makeReply();
      streams.join('a', reply, '', viewer);
      return raw;
    };
    return { streams, join };
  };

  test('by one account are few: the oldest gives way, those of others stay', () => {
    const { streams, join } = openSmall();
    const other = join(from('192.0.2.9', 'acc_2'));
    const tabs = [1, 2, 3].map((i) => join(from(`192.0.2.${i}`, 'acc_1')));
    expect(tabs.map(({ hasEnded }) => hasEnded)).toEqual([true, false, false]);
    expect(other.hasEnded).toBe(false);
    expect(streams.viewers('a')).toBe(3);
    // Nothing is written to a stream that was ended.
    streams.send('a', 'frame');
    expect(tabs.map(({ written }) => written)).toEqual(['', 'frame', 'frame']);
  });

  test('at one address are bounded, with or without a token', () => {
    const { join } = openSmall();
    const all = [null, 'acc_1', 'acc_2', 'acc_3', 'acc_4', null].map((accountId) =>
      join(from('2001:db8::1', accountId)),
    );
    // All addresses of a subscriber count as one.
    join(from('2001:db8::ffff', 'acc_5'));
    expect(all.map(({ hasEnded }) => hasEnded)).toEqual([true, true, true, false, false, false]);
  });

  test('of the address with most give way when the process is full', () => {
    const { streams, join } = openSmall();
    const hoarded = [1, 2, 3, 4].map(() => join(from('203.0.113.9')));
    const people = [1, 2, 3].map((i) => join(from(`192.0.2.${i}`)));
    expect(hoarded.map(({ hasEnded }) => hasEnded)).toEqual([true, false, false, false]);
    expect(people.map(({ hasEnded }) => hasEnded)).toEqual([false, false, false]);
    expect(streams.viewers('a')).toBe(6);
  });

  test('are counted no more once they have closed', () => {
    const { streams, join } = openSmall();
    for (let i = 0; i < 20; i++) join(from('192.0.2.1', 'acc_1')).emit('close');
    const kept = join(from('192.0.2.1', 'acc_1'));
    expect([streams.viewers('a'), kept.hasEnded]).toEqual([1, false]);
  });
});
