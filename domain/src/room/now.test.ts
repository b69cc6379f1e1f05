import { describe, expect, test } from 'vitest';
import {
  controlOf,
  firstControl,
  isSoldOut,
  makeNow,
  makeRoomView,
  makeStock,
  sumLeft,
} from './now.ts';
import { pollPolicy } from './poll-policy.ts';
import { nothingSkipped } from './skipped.ts';
import type { RoomState } from './types.ts';

const opensAtMs = Date.parse('2026-11-21T05:00:00.000Z');
const control = firstControl({
  ratePerMinute: 30_000,
  activeMax: 500,
  opensAtMs,
  lobbyMinutes: 30,
});
const state = (given: Partial<RoomState> = {}): RoomState => ({
  ...control,
  nowMs: opensAtMs + 60_000,
  tail: 1_000_000,
  front: 123_456,
  waiting: 876_544,
  called: 123,
  late: 12,
  active: 377,
  admitted: 120_000,
  heldUntilMs: 0,
  lastChangeId: '',
  ...given,
});
const seen = {
  left: new Map(Object.entries({ VIP: 1200, R: 10_000, S: 8000 })),
  rate: { perMinute: 29_876.4, spread: 1.2345, earlierPerMinute: 30_000 },
  poll: pollPolicy,
  isDrawn: true,
  skipped: nothingSkipped,
  performances: [19_200],
};
const nobody = { tail: 0, front: 0, waiting: 0, called: 0, late: 0, active: 0, admitted: 0 };
const drawn = { phase: 'open', drawnAtMs: opensAtMs, drawEntries: 900_000, rev: 120 } as const;

test('the stock of a show is told by grade and by performance', () => {
  const [first, second] = [new Map([['R', 2]]), new Map(Object.entries({ R: 1, S: 4 }))];
  const { left, performances } = makeStock([first, new Map(), second]);
  expect([Object.fromEntries(left), performances]).toEqual([{ R: 3, S: 4 }, [2, 0, 5]]);
});

describe('the document that everybody polls', () => {
  test('is at most 300 bytes with a million waiting and three grades, in every phase', () => {
    // The front has not moved yet.
    const before = { ...seen, isDrawn: false, rate: { ...seen.rate, spread: 1 } };
    const slower = { ...seen, rate: { ...seen.rate, earlierPerMinute: 60_000 } };
    for (const document of [
      makeNow(state({ phase: 'idle', ...nobody }), before),
      makeNow(state({ phase: 'lobby', front: 0, waiting: 1_000_000 }), before),
      makeNow(state(drawn), slower),
      makeNow(state({ ...drawn, heldUntilMs: opensAtMs + 68_000 }), seen),
      makeNow(state({ ...drawn, override: 'paused', phase: 'draining' }), seen),
    ])
      expect(JSON.stringify(document).length).toBeLessThanOrEqual(300);
  });

  test('gives the time of the next phase, and no longer once it has begun', () => {
    const times = (given: Partial<RoomState>, isDrawn = false) => {
      const { lobbyAt, opensAt } = makeNow(state(given), { ...seen, isDrawn });
      return [lobbyAt, opensAt];
    };
    expect(times({ phase: 'idle' })).toEqual([opensAtMs - 1_800_000, opensAtMs]);
    expect(times({ phase: 'lobby' })).toEqual([undefined, opensAtMs]);
    expect(times({ phase: 'sealed' })).toEqual([undefined, opensAtMs]);
    expect(times(drawn, true)).toEqual([undefined, undefined]);
  });

  test('says until when nobody is called, and nothing once people are', () => {
    const heldUntilMs = opensAtMs + 68_000;
    expect(makeNow(state({ ...drawn, heldUntilMs }), seen)).toMatchObject({
      heldUntil: heldUntilMs,
    });
    const past = state({ ...drawn, heldUntilMs: opensAtMs });
    expect(makeNow(past, seen)).not.toHaveProperty('heldUntil');
  });

  test('tells the seats left of each performance, if there are several and not too many', () => {
    const of = (performances: readonly number[]) =>
      makeNow(state(drawn), { ...seen, performances });
    expect(of([0, 300, 12])).toMatchObject({ performances: [0, 300, 12] });
    expect(of([300])).not.toHaveProperty('performances');
    expect(of(Array(20).fill(1))).toHaveProperty('performances');
    expect(of(Array(21).fill(1))).not.toHaveProperty('performances');
  });

  test('names the numbers that an outage skipped until the front has passed them', () => {
    const skipped = { from: 900, to: 1900 };
    const at = (front: number) => makeNow(state({ ...drawn, front }), { ...seen, skipped });
    expect(at(500)).toMatchObject({ skipped });
    expect(at(1900)).not.toHaveProperty('skipped');
    expect(at(1000).near).toBe(at(1900).near + 900);
  });

  test('shows the lobby until numbers are known, then the draw as made', () => {
    expect(makeNow(state({ phase: 'sealed' }), { ...seen, isDrawn: false })).toMatchObject({
      phase: 'lobby',
      draw: null,
    });
    expect(makeNow(state(drawn), seen)).toMatchObject({
      phase: 'open',
      draw: { entries: 900_000 },
    });
  });

  test('says that the show is sold out, and what the operator says, only if it is so', () => {
    const plain = makeNow(state(drawn), seen);
    expect(plain).not.toHaveProperty('soldOut');
    expect(plain).not.toHaveProperty('message');
    const none = { ...seen, left: new Map([['R', 0]]) };
    expect(makeNow(state(drawn), none)).toHaveProperty('soldOut', true);
    const message = { ko: '잠시만', en: 'A moment' };
    expect(makeNow(state({ ...drawn, message }), seen)).toMatchObject({ message });
  });

  test('asks everybody who is called within three minutes for heartbeats', () => {
    expect(makeNow(state(drawn), seen).near).toBe(90_000);
    // A full room moves nobody; the rate that is allowed counts, or its line would fall silent.
    expect(makeNow(state(drawn), { ...seen, rate: { ...seen.rate, perMinute: 0 } }).near).toBe(
      90_000,
    );
  });
});

test('gives the reason for a growing wait only while people are called', () => {
  const rate = { ...seen.rate, earlierPerMinute: 60_000 };
  const longer = (
    given: Partial<RoomState>,
    left: ReadonlyMap<string, number> | null = seen.left,
  ) => makeNow(state({ ...drawn, ...given }), { ...seen, rate, left }).longer;
  expect(longer({})).toBe('room');
  expect(longer({ active: 100 })).toBe('slow');
  expect(longer({}, new Map([['R', 500]]))).toBe('seats');
  expect(longer({}, null)).toBe('room');
  expect(longer({}, new Map([['R', 0]]))).toBeUndefined();
  expect(longer({ override: 'paused' })).toBeUndefined();
  expect(longer({ phase: 'draining' })).toBe('room');
  expect(longer({ phase: 'sealed' })).toBeUndefined();
  const { nowMs } = state();
  expect(longer({ heldUntilMs: nowMs })).toBe('room');
  expect(longer({ heldUntilMs: nowMs + 1 })).toBeUndefined();
  expect(makeNow(state(drawn), seen).longer).toBeUndefined();
});

describe('the room of an operator', () => {
  const view = (given: Partial<RoomState>) =>
    makeRoomView(state(given), {
      showId: 'show_1',
      settings: { ratePerMinute: 1, activeMax: 1, opensAt: '' },
      commitment: 'c0ffee',
      enabledAtMs: 0,
      left: seen.left,
      perMinute: 10,
      admittedPerMinute: 5,
    });

  test('shows until when it is overridden, if there is an end', () => {
    expect(view({}).overrideUntil).toBe(null);
    expect(view({ overrideUntilMs: opensAtMs }).overrideUntil).toBe('2026-11-21T05:00:00.000Z');
  });

  test('shows the draw once it is made', () => {
    expect(view({}).draw).toBe(null);
    const made = view({ ...drawn, seed: 'seed', root: 'root' }).draw;
    expect(made).toEqual({ entries: 900_000, seed: 'seed', root: 'root' });
  });

  test('shows the limits of now, not those it was set up with', () => {
    expect(view({}).settings).toMatchObject({ ratePerMinute: 30_000, activeMax: 500 });
  });
});

describe('seats left', () => {
  test('are the total of all performances', () => {
    const performances = [new Map([['R', 2]]), new Map(Object.entries({ VIP: 1, R: 3 }))];
    expect(sumLeft(performances)).toEqual(new Map(Object.entries({ R: 5, VIP: 1 })));
  });

  test('make a show sold out if they are known to be none', () => {
    expect(isSoldOut(null)).toBe(false);
    expect(isSoldOut(new Map([['R', 1]]))).toBe(false);
    expect(isSoldOut(new Map([['R', 0]]))).toBe(true);
    expect(isSoldOut(new Map())).toBe(true);
  });
});

test('the stored part of a state is its complete control', () => {
  expect(controlOf(state())).toEqual(control);
});
