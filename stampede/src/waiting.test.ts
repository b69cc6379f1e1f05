import type { Place, RoomNow } from '@usher/contract/waiting-room.ts';
import { makeRandom } from '@usher/domain/random.ts';
import { manualClock } from '@usher/tests/support/clock.ts';
import { createChallenge } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { expect, test } from 'vitest';
import { makeCaller, type Session } from './caller.ts';
import type { Buyer, Crowd, End } from './crowd.ts';
import type { HttpClient, Request, Sent } from './http.ts';
import { makeNotes } from './notes.ts';
import { makePerson } from './person.ts';
import type { RoomTemper } from './temper.ts';
import { makeVisit } from './visit.ts';
import { waitForTurn } from './waiting.ts';
import { makeWakes } from './wakes.ts';

const opensAtMs = 60_000;
const claimWindowMs = 30_000;

const reply = (status: number, body: unknown, headers: Record<string, string> = {}): Sent => ({
  outcome: 'reply',
  reply: {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: new TextEncoder().encode(body === null ? '' : JSON.stringify(body)).buffer,
  },
});
const refusal = (status: number, code: string): Sent =>
  reply(
    status,
    { type: '', title: '', status, detail: '', instance: '', code, traceId: '', retryable: false },
    { 'content-type': 'application/problem+json' },
  );

/**
 * A room for one person with entry 4, drawn number 30, in which a person a second is called.
 * `answer` may answer a call differently.
 */
const openRoom = (
  temper: Partial<RoomTemper>,
  answer: (asked: { call: string; body: Record<string, unknown>; nth: number }) => Sent | null,
) => {
  const clock = manualClock(1_000_000);
  const nowMs = (): number => clock.monotonicMs();
  const front = (): number => Math.max(0, Math.floor((nowMs() - opensAtMs) / 1000));
  const isDrawn = (): boolean => nowMs() >= opensAtMs;
  const asked: { call: string; atMs: number; body: Record<string, unknown> }[] = [];
  const instant = (inMs: number): string => new Date(clock.nowMs() + inMs).toISOString();
  const place = (change: Partial<Place> = {}): Place => ({
    standing: isDrawn() ? 'WAITING' : 'LOBBY',
    number: isDrawn() ? 30 : null,
    ahead: null,
    etaMs: null,
    heartbeatEveryMs: null,
    receipt: { entry: 4, key: 'the key' },
    token: 'the place',
    claimBy: null,
    pass: null,
    ...change,
  });
  const now = (): RoomNow => ({
    rev: 1,
    epoch: 1,
    phase: isDrawn() ? 'open' : 'lobby',
    override: 'none',
    now: Math.round(clock.nowMs()),
    front: front(),
    tail: 99,
    waiting: 50,
    perMinute: 60,
    spread: 1,
    near: 99,
    poll: { f: 2000, c: 60_000, d: 8, m: 1 },
    left: { R: 4 },
    draw: isDrawn() ? { entries: 99 } : null,
  });
  const pass = { token: 'the pass', endsAt: instant(900_000), endsBy: instant(1_800_000) };
  const usual = (call: string): Sent => {
    if (call === 'now') return reply(200, now(), { etag: `"${front()}"` });
    if (call === 'challenge') return reply(200, { challenge: null });
    if (call === 'heartbeat' || call === 'leave') return reply(204, null);
    if (call !== 'claim') return reply(200, place());
    const isCalled = front() >= 30;
    return isCalled
      ? reply(200, place({ standing: 'ACTIVE', pass }))
      : refusal(409, 'NOT_CALLED_YET');
  };
  const http: HttpClient = {
    send: async ({ method, path, body }: Request) => {
      const last = path.split('/').at(-1) ?? '';
      const verb = method === 'DELETE' ? 'leave' : last === 'queue' ? 'join' : last;
      const sent = JSON.parse(body ?? '{}');
      asked.push({ call: verb, atMs: nowMs(), body: sent });
      const nth = asked.filter(({ call }) => call === verb).length;
      return answer({ call: verb, body: sent, nth }) ?? usual(verb);
    },
    close: async () => undefined,
  };
  const { signal } = new AbortController();
  const caller = makeCaller({
    http,
    clock,
    notes: makeNotes(),
    origin: 'x',
    patienceMs: 9,
    makeKey: () => 'the key of this test',
  });
  const crowd = {
    caller,
    http,
    clock,
    signal,
    notes: makeNotes(),
    pace: 1,
    wakes: makeWakes({ clock, signal }),
    patienceMs: 9,
    shoppersMax: 1,
    provider: null,
    sale: { showId: 'show_x' },
  } as unknown as Crowd;
  const session: Session = {
    accessToken: 'a',
    address: null,
    pass: null,
    renew: async () => false,
  };
  const buyer = {
    index: 0,
    session,
    random: makeRandom(1),
    visit: makeVisit(),
    orders: [],
    elsewhere: async () => ({ ...session, accessToken: 'b' }),
    roomTemper: {
      inLine: 'stays',
      besides: 'nothing',
      afterMs: 10_000,
      hiddenMs: 20_000,
      ...temper,
    },
  } as unknown as Buyer;
  const finish = async (): Promise<End | null> => {
    let isDone = false;
    const person = makePerson(crowd, buyer, 0);
    const room = { opensAtMs, claimWindowMs, aheadMs: -Infinity };
    const waited = waitForTurn(crowd, buyer, person, room);
    const done = waited.finally(() => {
      isDone = true;
    });
    for (let turn = 0; !isDone && turn < 5000; turn++) await clock.advance(100);
    return done;
  };
  const times = (call: string): number[] =>
    asked.filter((each) => each.call === call).map(({ atMs }) => atMs);
  return { buyer, asked, times, place, pass, finish };
};

test('a person waiting from the lobby on sends heartbeats when near, and claims once', async () => {
  const { buyer, times, finish } = openRoom({}, () => null);
  expect(await finish()).toBeNull();
  expect(buyer.session.pass).toBe('the pass');
  expect([times('join'), times('me'), times('claim')].map(({ length }) => length)).toEqual([
    1, 1, 1,
  ]);
  expect(times('me')[0]).toBeGreaterThanOrEqual(opensAtMs);
  // Thirty seconds near the front.
  expect([1, 2]).toContain(times('heartbeat').length);
  // From 90 s on it is the turn of number 30; the poll follows the policy, at most 2.3 s later.
  expect(times('claim')[0]).toBeGreaterThanOrEqual(opensAtMs + 30_000);
  expect(times('claim')[0]).toBeLessThan(opensAtMs + 30_000 + 2500);
  const { visit } = buyer;
  expect(visit).toMatchObject({ changes: [], hasStayed: true, lateAskedMs: null });
  expect(visit.places).toEqual([expect.objectContaining({ entry: 4, number: 30 })]);
  expect(visit.slots).toHaveLength(1);
});

test('the interval between polls follows the policy: shorter when the turn is nearer', async () => {
  const { times, finish } = openRoom({}, () => null);
  await finish();
  const polls = times('now').filter((atMs) => atMs > opensAtMs + 1000);
  const gaps = polls.slice(1).map((atMs, at) => atMs - (polls[at] ?? 0));
  for (const gap of gaps) {
    expect(gap).toBeGreaterThanOrEqual(2000 * 0.85);
    expect(gap).toBeLessThanOrEqual((30_000 / 8) * 1.15 + 100);
  }
});

test('a hidden tab polls nothing, and polls at once when it is shown', async () => {
  const hidden = { inLine: 'hides the tab', afterMs: 65_000, hiddenMs: 12_000 } as const;
  const { buyer, asked, finish } = openRoom(hidden, () => null);
  expect(await finish()).toBeNull();
  expect(buyer.visit.hasStayed).toBe(false);
  const during = asked.filter(({ atMs }) => atMs > 66_000 && atMs < 77_000);
  expect(during).toEqual([]);
  const back = asked.filter(({ atMs }) => atMs >= 77_000);
  expect(back.slice(0, 2).map(({ call }) => call)).toEqual(['now', 'me']);
});

test('a second device joins without the first one’s data, and takes over', async () => {
  const { buyer, asked, finish } = openRoom({ besides: 'a second device' }, () => null);
  expect(await finish()).toBeNull();
  expect(buyer.session).toMatchObject({ accessToken: 'b', pass: 'the pass' });
  expect(asked.filter(({ call }) => call === 'join').map(({ body }) => body)).toEqual([{}, {}]);
  expect(buyer.visit).toMatchObject({ askedAgain: 1, changes: [] });
});

test('a second tab that gets a different place is recorded as a change', async () => {
  const { buyer, place, finish } = openRoom({ besides: 'a second tab' }, ({ call, nth }) =>
    call === 'join' && nth === 2
      ? reply(200, place({ receipt: { entry: 9, key: 'other' } }))
      : null,
  );
  await finish();
  expect(buyer.visit.changes).not.toEqual([]);
});

test('a person who is away at their turn is late, asks again, and is admitted', async () => {
  const { buyer, times, place, pass, finish } = openRoom({ inLine: 'is late' }, ({ call, nth }) => {
    if (call !== 'claim') return null;
    if (nth < 3) return reply(202, place({ standing: 'LATE' }));
    return reply(200, place({ standing: 'ACTIVE', pass }));
  });
  expect(await finish()).toBeNull();
  const turnMs = opensAtMs + 30_000;
  expect(times('claim')).toHaveLength(3);
  expect(times('claim')[0]).toBeGreaterThan(turnMs + claimWindowMs);
  expect(buyer.visit).toMatchObject({ hasStayed: false, lateAskedMs: times('claim')[0] });
});

test('a place that the server has lost is restored by its token', async () => {
  const { buyer, asked, finish } = openRoom({}, ({ call, nth }) =>
    call === 'me' && nth === 1 ? refusal(404, 'NO_PLACE') : null,
  );
  expect(await finish()).toBeNull();
  const joins = asked.filter(({ call }) => call === 'join');
  expect(joins.map(({ body }) => body['place'])).toEqual([undefined, 'the place']);
  expect(buyer.visit.changes).toEqual([]);
});

test('a challenge is solved before joining', async () => {
  const challenge = await createChallenge({
    algorithm: 'PBKDF2/SHA-256',
    cost: 1,
    counter: 5,
    deriveKey,
    hmacSignatureSecret: 'a',
    hmacKeySignatureSecret: 'b',
  });
  const { asked, finish } = openRoom({}, ({ call, body }) => {
    if (call === 'challenge') return reply(200, { challenge });
    if (call !== 'join' || body['solution'] !== undefined) return null;
    return refusal(403, 'CHALLENGE_REQUIRED');
  });
  expect(await finish()).toBeNull();
  const joins = asked.filter(({ call }) => call === 'join');
  expect(joins).toHaveLength(1);
  const solution = String(joins[0]?.body['solution']);
  const solved = JSON.parse(Buffer.from(solution, 'base64').toString());
  expect(solved).toMatchObject({ challenge, solution: { counter: 5 } });
});

test('a wait ends with its reason: sold out, full room, no patience, closed phone', async () => {
  const soldOut = openRoom({}, ({ call, nth }) =>
    call === 'now' && nth > 1
      ? reply(200, {
          rev: 2,
          epoch: 1,
          phase: 'open',
          override: 'none',
          soldOut: true,
          now: 0,
          front: 0,
          tail: 9,
          waiting: 9,
          perMinute: 0,
          spread: 1,
          near: 3,
          left: {},
          poll: { f: 2000, c: 60_000, d: 8, m: 1 },
          draw: null,
        })
      : null,
  );
  expect(await soldOut.finish()).toBe('sold out');
  const full = openRoom({}, ({ call }) =>
    call === 'join' ? refusal(409, 'TOO_MANY_WAITING') : null,
  );
  expect(await full.finish()).toBe('turned away at the door');
  const impatient = openRoom({ inLine: 'gives up' }, () => null);
  expect(await impatient.finish()).toBe('gave up waiting');
  expect(impatient.times('leave')).toHaveLength(1);
  const gone = openRoom({ inLine: 'closes the phone' }, () => null);
  expect(await gone.finish()).toBe('closed the phone');
  expect(gone.times('leave')).toHaveLength(0);
});
