import { joinRoom, pullLever, putRoom, readRoom, roomNow } from '@usher/contract/waiting-room.ts';
import { makeAccounts } from '@usher/stampede/accounts.ts';
import { makeCaller } from '@usher/stampede/caller.ts';
import { makeHttpClient } from '@usher/stampede/http.ts';
import { makeNotes } from '@usher/stampede/notes.ts';
import { z } from 'zod';
import { demoAccounts } from '../../server/src/demo/accounts.ts';
import { systemClock } from '../../server/src/platform/clock.ts';
import { makeTokenSigner } from '../../server/src/platform/signed-token.ts';
import type { OpEnd } from './open-loop.ts';
import type { RawAnswer } from './raw-http.ts';
import { benchSecret, ids, type TestServer } from './test-server.ts';

const tokenLifeMs = 4 * 3_600_000;
/** Enough seats that no room runs out of them: the largest house that a plan may have. */
const houseSeats = 100_000;

/** A waiting room under load, and its people. */
export type Room = {
  showId: string;
  /** The header lines of the nth person: token and address, the same for every call. */
  headersOf(nth: number): string;
  join(nth: number): Promise<OpEnd>;
  /** One poll by somebody, from a different address for each person. */
  poll(nth: number): Promise<OpEnd>;
  call(method: string, path: string, nth: number, body: string | null): Promise<RawAnswer>;
  pull(lever: 'pause' | 'resume'): Promise<void>;
  now(): Promise<z.infer<typeof roomNow>>;
  read(): Promise<{ waiting: number; active: number; called: number; admitted: number }>;
};

/** Everybody calls from a different address, because the rate limits stay on. */
export const roomSettings = { TRUST_PROXY: '127.0.0.0/8' };

const addressOf = (nth: number): string =>
  `10.${(nth >>> 16) & 255}.${(nth >>> 8) & 255}.${nth & 255}`;

/** People whose tokens are made on demand: a million would not fit in memory otherwise. */
const makeHeaders = () => {
  const tokens = makeTokenSigner({ secret: benchSecret, kind: 'access', schema: z.unknown() });
  const endsAtMs = systemClock.nowMs() + tokenLifeMs;
  return (nth: number): string => {
    const accountId = ids.fromParts('account', 'room', String(nth));
    const sessionId = ids.fromParts('session', 'room', String(nth));
    const token = tokens.sign({ a: accountId, r: 'BUYER', s: sessionId, e: endsAtMs });
    return `authorization: Bearer ${token}\r\nx-forwarded-for: ${addressOf(nth)}\r\n`;
  };
};

/** Makes a show with a room that opens after `opensInMs`; 0: it is open. */
export const openRoom = async (
  target: TestServer,
  limits: { opensInMs: number; ratePerMinute: number; activeMax: number },
): Promise<Room> => {
  const http = makeHttpClient(4);
  const signal = new AbortController().signal;
  const clock = systemClock;
  const notes = makeNotes();
  const caller = makeCaller({
    http,
    clock,
    origin: target.server.url,
    notes,
    patienceMs: 30_000,
    makeKey: ids.secret,
  });
  const accounts = makeAccounts({ caller, clock, password: '', signal });
  const operator = demoAccounts.find(({ role }) => role === 'OPERATOR');
  if (operator === undefined) throw new Error('the demo has an operator');
  const session = await accounts.logIn({ ...operator, address: null });
  const { showId } = await target.shows.makeSale(await target.shows.makeVenue(houseSeats));
  const params = { showId };
  const how = { step: null, session, fromMs: 0, signal };
  const { opensInMs, ...settings } = limits;
  const opensAt = new Date(clock.nowMs() + opensInMs).toISOString();
  const body = { ifRev: null, settings: { ...settings, opensAt, lobbyMinutes: 1440 } };
  const made = await caller.call(putRoom, { params, body }, how);
  if (made.outcome !== 'answer') throw new Error(`no room: ${JSON.stringify(made)}`);

  const headersOf = makeHeaders();
  const path = joinRoom.path.replace('{showId}', showId);
  const { client } = target;
  const statusOf = async (send: Promise<{ status: number }>, good: number): Promise<OpEnd> => {
    const { status } = await send;
    return status === good || (status === 200 && good === 201)
      ? { kind: 'done' }
      : { kind: 'error', reason: `status ${status}` };
  };
  return {
    showId,
    headersOf,
    join: (nth) => statusOf(client.send('POST', path, headersOf(nth), '{}'), 201),
    poll: (nth) =>
      statusOf(
        client.send('GET', `${path}/now`, `x-forwarded-for: ${addressOf(nth)}\r\n`, null),
        200,
      ),
    call: (method, below, nth, text) =>
      client.send(method, `${path}${below}`, headersOf(nth), text),
    pull: async (lever) => {
      const read = await caller.call(readRoom, { params }, how);
      if (read.outcome !== 'answer') throw new Error('the room could not be read');
      const body = { ifRev: read.body.rev, action: { lever } };
      const pulled = await caller.call(pullLever, { params, body }, how);
      if (pulled.outcome !== 'answer') throw new Error(`no ${lever}: ${JSON.stringify(pulled)}`);
    },
    now: async () => {
      const { body: text } = await client.send('GET', `${path}/now`, '', null);
      return roomNow.parse(JSON.parse(text.toString()));
    },
    read: async () => {
      const read = await caller.call(readRoom, { params }, how);
      if (read.outcome !== 'answer') throw new Error('the room could not be read');
      return read.body;
    },
  };
};
