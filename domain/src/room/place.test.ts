import { expect, test } from 'vitest';
import { firstControl } from './now.ts';
import { makePlaceView, type StandsAt } from './place.ts';
import { nothingSkipped, type Skipped } from './skipped.ts';
import type { RoomState } from './types.ts';

const opensAtMs = Date.parse('2026-11-21T05:00:00.000Z');
const state: RoomState = {
  ...firstControl({ ratePerMinute: 600, activeMax: 500, opensAtMs, lobbyMinutes: 30 }),
  nowMs: opensAtMs + 60_000,
  tail: 1000,
  front: 100,
  phase: 'open',
  waiting: 800,
  called: 20,
  late: 3,
  active: 77,
  admitted: 100,
  heldUntilMs: 0,
  lastChangeId: '',
};
const rate = { perMinute: 600, spread: 2, earlierPerMinute: 600 };
/** Entry 0 has number 151, entry 1 has number 101, the first after the front. */
const permutation = Uint32Array.from([150, 100]);
const endsAtMs = opensAtMs + 120_000;
const pass = { number: 101, endsAtMs, endsByMs: endsAtMs + 60_000, orderId: '' };

const left: ReadonlyMap<string, number> | null = new Map([['R', 900]]);
const view = (
  given: Partial<StandsAt>,
  seen: { state?: Partial<RoomState>; left?: typeof left; skipped?: Skipped } = {},
) =>
  makePlaceView(
    { outcome: 'stands', entry: 0, standing: 'waiting', pass: null, claimByMs: 0, ...given },
    {
      state: { ...state, ...seen.state },
      rate,
      left: seen.left ?? left,
      permutation,
      skipped: seen.skipped ?? nothingSkipped,
      key: 'key',
    },
    { place: (entry) => `place ${entry}`, pass: ({ number }) => `pass ${number}` },
  );
const nothing = { etaMs: null, heartbeatEveryMs: null, claimBy: null, pass: null };

test('a person who waits sees their number, how many are ahead, and how long it takes', () => {
  expect(view({})).toEqual({
    ...nothing,
    standing: 'WAITING',
    number: 151,
    ahead: 50,
    etaMs: { from: 5000, to: 10_000 },
    heartbeatEveryMs: 20_000,
    receipt: { entry: 0, key: 'key' },
    token: 'place 0',
  });
  expect(view({ entry: 1 })).toMatchObject({ number: 101, ahead: 0 });
});

test.each([
  ['paused', { state: { override: 'paused' } }],
  ['rejecting', { state: { override: 'reject' } }],
  ['bypassed', { state: { override: 'bypass' } }],
  ['closed', { state: { phase: 'closed' } }],
  ['sold out', { left: new Map([['R', 0]]) }],
] as const)('no wait is estimated in a room that is %s', (_, seen) => {
  expect(view({}, seen)).toMatchObject({ standing: 'WAITING', ahead: 50, etaMs: null });
});

test('a wait is estimated while the room drains, or before its seats are counted', () => {
  const etaMs = { from: 5000, to: 10_000 };
  expect(view({}, { state: { phase: 'draining' } })).toMatchObject({ etaMs });
  const uncounted = makePlaceView(
    { outcome: 'stands', entry: 0, standing: 'waiting', pass: null, claimByMs: 0 },
    { state, rate, left: null, permutation, skipped: nothingSkipped, key: 'key' },
    { place: () => '', pass: () => '' },
  );
  expect(uncounted).toMatchObject({ etaMs });
});

test('the pause after the draw is part of the expected wait', () => {
  const heldUntilMs = state.nowMs + 8000;
  expect(view({}, { state: { heldUntilMs } })).toMatchObject({
    etaMs: { from: 13_000, to: 18_000 },
  });
  expect(view({}, { state: { heldUntilMs: state.nowMs - 8000 } })).toMatchObject({
    etaMs: { from: 5000, to: 10_000 },
  });
});

test('nobody has a number in the lobby, nor people ahead once it is over', () => {
  const lobby = { ...nothing, standing: 'LOBBY', number: null, ahead: null };
  expect(view({ standing: 'lobby' })).toMatchObject(lobby);
  const over = { ...nothing, standing: 'OVER', number: 151, ahead: null };
  expect(view({ standing: 'over' })).toMatchObject(over);
});

test('numbers that an outage skipped are nobody ahead, and keep nobody from being near', () => {
  const skipped = { from: 105, to: 1105 };
  const entry = 1119;
  const waits = { number: 1120, ahead: 19, etaMs: { from: 1900, to: 3800 } };
  const state = { tail: 1200 };
  expect(view({ entry }, { state, skipped })).toMatchObject({ ...waits, heartbeatEveryMs: 20_000 });
  // Four in line after a restart, of whom this process knows nothing else.
  const few = { state: { waiting: 4, ratePerMinute: 60 } };
  expect(view({}, few)).toMatchObject({ ahead: 3, heartbeatEveryMs: 20_000 });
  // Two have joined since.
  const newest = { state: { waiting: 4, tail: 149 } };
  expect(view({}, newest)).toMatchObject({ ahead: 5 });
});

test('a person who is called sees until when, and one who shops their pass', () => {
  expect(view({ standing: 'called', claimByMs: endsAtMs })).toMatchObject({
    ...nothing,
    standing: 'CALLED',
    number: 151,
    ahead: 50,
    claimBy: '2026-11-21T05:02:00.000Z',
  });
  expect(view({ standing: 'active', pass })).toMatchObject({
    ...nothing,
    standing: 'ACTIVE',
    pass: {
      token: 'pass 101',
      endsAt: '2026-11-21T05:02:00.000Z',
      endsBy: '2026-11-21T05:03:00.000Z',
    },
  });
});
