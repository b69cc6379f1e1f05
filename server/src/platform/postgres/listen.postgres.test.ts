import { makeTestDatabase } from '@usher/tests/support/postgres.ts';
import { until } from '@usher/tests/support/until.ts';
import { afterEach, describe, expect, test } from 'vitest';
import { manualClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { openListener } from './listen.ts';
import { openDatabase } from './sql.ts';
import { openTestProxy } from './test-proxy.ts';

const { url } = await makeTestDatabase();
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Handlers = Record<string, (payload: string) => void>;
/** A listener behind a proxy, with a manual clock. */
const open = async (handlers: Handlers = {}, through?: string) => {
  const clock = manualClock(0);
  const heard: string[] = [];
  const errors: unknown[] = [];
  const channels = new Map<string, (payload: string) => void>([
    ['seats', (payload) => heard.push(`seats ${payload}`)],
    ['prices', (payload) => heard.push(`prices ${payload}`)],
    ...Object.entries(handlers),
  ]);
  const proxy = await openTestProxy(through ?? url);
  const warnings: string[] = [];
  const log = {
    ...silentLog,
    warn: (_: object, text: string) => void warnings.push(text),
    error: (fields: object) => void errors.push(fields),
  } as never;
  const listener = await openListener({ url: proxy.url, clock, log, channels });
  const db = openDatabase({ url, name: 'telling', log: silentLog, poolMax: 2 });
  closers.push(proxy.close, listener.close, db.close);
  const tell = (channel: string, payload: string) =>
    db.query('SELECT pg_notify($1, $2)', [channel, payload]);
  const hears = (text: string) => until(`«${text}»`, () => heard.includes(text));
  const cut = async () => {
    proxy.cut();
    await until('the loss is known', () => warnings.includes('LISTEN connection lost'));
    await new Promise((resolve) => setImmediate(resolve));
  };
  /** Advances the clock to the next attempt to connect. */
  const nextTry = async () => {
    await until('the listener waits', () => clock.sleeping === 1);
    await clock.advance(500);
  };
  const failingTry = async () => {
    const before = warnings.length;
    await nextTry();
    await until('the try has failed', () => warnings.length > before && clock.sleeping === 1);
  };
  return { clock, heard, errors, proxy, listener, tell, hears, cut, nextTry, failingTry };
};

test('a message from one process reaches another, on its channel', async () => {
  const { heard, tell, hears } = await open();
  expect(heard.splice(0)).toEqual(['seats ', 'prices ']);
  await tell('seats', 'a');
  await tell('nobody listens', 'b');
  await tell('prices', 'c');
  await hears('prices c');
  expect(heard).toEqual(['seats a', 'prices c']);
});

test('a handler that throws is reported, and later messages still arrive', async () => {
  const seen: string[] = [];
  const { errors, tell, hears } = await open({
    broken: (payload) => {
      seen.push(payload);
      throw new Error('cannot hear');
    },
  });
  await tell('broken', 'a');
  await tell('broken', 'b');
  await tell('seats', 'c');
  await hears('seats c');
  expect(seen).toEqual(['', 'a', 'b']);
  expect(errors).toMatchObject([
    { channel: 'broken' },
    { channel: 'broken' },
    { channel: 'broken' },
  ]);
});

describe('after an interruption', () => {
  test('each channel learns that it may have missed messages, and receives again', async () => {
    const { heard, tell, hears, cut, nextTry } = await open();
    heard.splice(0);
    await cut();
    await tell('seats', 'missed');
    await nextTry();
    await hears('prices ');
    await tell('seats', 'heard');
    await hears('seats heard');
    expect(heard).toEqual(['seats ', 'prices ', 'seats heard']);
  });

  test('one connection is tried at a time, however long the database is unreachable', async () => {
    const { heard, proxy, hears, cut, nextTry, failingTry } = await open();
    heard.splice(0);
    proxy.refuse(true);
    await cut();
    for (let tries = 0; tries < 12; tries++) await failingTry();
    const before = proxy.made;
    proxy.refuse(false);
    await nextTry();
    await hears('prices ');
    expect(proxy.made - before).toBe(1);
    expect(heard).toEqual(['seats ', 'prices ']);
  });

  test('a silently broken connection is detected and replaced', async () => {
    const { clock, heard, proxy, hears, nextTry } = await open();
    heard.splice(0);
    proxy.swallow(true);
    await until('the listener waits', () => clock.sleeping === 1);
    await clock.advance(15_000);
    await until('it is given up', () => proxy.open === 0);
    proxy.swallow(false);
    await nextTry();
    await hears('prices ');
  });

  test('a connection that was only idle is kept', async () => {
    const { clock, heard, proxy, tell, hears } = await open();
    for (let asked = 0; asked < 5; asked++) {
      await until('the listener waits', () => clock.sleeping === 1);
      await clock.advance(15_000);
    }
    await tell('seats', 'a');
    await hears('seats a');
    expect([proxy.made, heard]).toEqual([1, ['seats ', 'prices ', 'seats a']]);
  });
});

describe('closing', () => {
  test('leaves no connection, even if repeated or while the database is unreachable', async () => {
    const { proxy, listener } = await open();
    await listener.close();
    await until('no connection is left', () => proxy.open === 0);
    await listener.close();
    const other = await open();
    other.proxy.refuse(true);
    await other.cut();
    await other.failingTry();
    await other.listener.close();
    other.proxy.refuse(false);
    await other.clock.advance(60_000);
    expect([proxy.made, other.proxy.made]).toEqual([1, 1]);
  });
});

test('a start without a database fails, and is not retried in the background', async () => {
  const gone = await openTestProxy(url);
  gone.refuse(true);
  const clock = manualClock(0);
  const channels = new Map([['seats', () => undefined]]);
  await expect(openListener({ url: gone.url, clock, log: silentLog, channels })).rejects.toThrow();
  gone.refuse(false);
  await clock.advance(60_000);
  expect([gone.made, clock.sleeping]).toEqual([0, 0]);
  await gone.close();
});
