import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SeatState, seatState } from './seat-bits.ts';
import { holderMark, makeSeatMap, type SeatDelta } from './seat-map.ts';

const { FREE, HELD, SOLD, BLOCKED } = seatState;
const buyer = 'acc_01jd8zk3v7q2m4x6t9w1y5b0ce';
const other = 'acc_01jd8zk3v7q2m4x6t9w1y5b0cf';
const empty = { version: 1, claims: [] };
const delta = (
  version: number,
  changes: readonly [seatNo: number, state: SeatState, holder?: string][],
  deadlineMs: number | null = null,
): SeatDelta => ({
  version,
  changes: changes.map(([seatNo, state]) => seatNo * 4 + state),
  holders: changes.map(([, , holder]) => (holder === undefined ? '' : holderMark(holder))),
  deadlineMs,
});

describe('a seat map', () => {
  test('begins with the state of the snapshot', () => {
    const claims = [
      { seatNo: 1, state: HELD, holder: holderMark(buyer), deadlineMs: 100 },
      { seatNo: 2, state: SOLD, holder: holderMark(other), deadlineMs: null },
      { seatNo: 3, state: BLOCKED, holder: '', deadlineMs: null },
    ];
    const map = makeSeatMap(5, { version: 7, claims });
    expect([...map.bits()]).toEqual([0b11_10_01_00, 0b00]);
    expect([map.version, map.seatCount, map.isBlocked(3), map.isBlocked(2)]).toEqual([
      7,
      5,
      true,
      false,
    ]);
    expect(map.takenByOthers([0, 1, 2], buyer, 50)).toEqual([2]);
    expect(map.takenByOthers([0, 1, 2], other, 50)).toEqual([1]);
  });

  test('returns the same bits until it changes', () => {
    const map = makeSeatMap(4, empty);
    expect(map.bits()).toBe(map.bits());
    const before = map.bits();
    map.apply(delta(2, [[0, HELD, buyer]], 100));
    expect(map.bits()).not.toBe(before);
  });

  test('applies each version once, in order, whatever the order of arrival', () => {
    const deltas = [
      delta(2, [[0, HELD, buyer]], 9),
      delta(3, [[0, SOLD]]),
      delta(4, [[1, BLOCKED]]),
    ];
    const orders = fc.shuffledSubarray([...deltas, ...deltas], { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(orders, (shuffled) => {
        const map = makeSeatMap(4, empty);
        for (const each of shuffled) map.apply(each);
        expect([map.version, map.hasGap]).toEqual([4, false]);
        expect([...map.bits()]).toEqual([0b00_00_11_10]);
      }),
    );
  });

  test('knows that a version is missing until it has arrived', () => {
    const map = makeSeatMap(4, empty);
    expect(map.apply(delta(3, [[0, FREE]]))).toBe('early');
    expect([map.hasGap, map.version]).toEqual([true, 1]);
    expect(map.apply(delta(2, [[0, HELD, buyer]], 9))).toBe('applied');
    expect([map.hasGap, map.version]).toEqual([false, 3]);
    expect(map.apply(delta(2, [[0, SOLD]]))).toBe('known');
    expect(map.mayBeFree(0, 0)).toBe(true);
  });

  test('stores a bounded number of early versions, and still knows of the gap', () => {
    const map = makeSeatMap(4, empty);
    for (let version = 3; version < 2000; version++) map.apply(delta(version, [[0, FREE]]));
    expect(map.hasGap).toBe(true);
    map.apply(delta(2, [[0, FREE]]));
    expect(map.version).toBe(258);
  });

  test('treats a held seat as free from its deadline on, but never a seat being paid', () => {
    const map = makeSeatMap(4, empty);
    map.apply(delta(2, [[0, HELD, other]], 100));
    map.apply(delta(3, [[1, HELD, other]], null));
    expect([map.mayBeFree(0, 99), map.mayBeFree(0, 100)]).toEqual([false, true]);
    expect(map.takenByOthers([0], buyer, 99)).toEqual([0]);
    expect(map.takenByOthers([0], buyer, 100)).toEqual([]);
    expect(map.mayBeFree(1, Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  test('never treats a buyer’s own seat as another’s, even if it is sold', () => {
    const map = makeSeatMap(4, empty);
    map.apply(delta(2, [[0, HELD, buyer]], 100));
    map.apply(delta(3, [[0, SOLD]]));
    expect(map.takenByOthers([0], buyer, 50)).toEqual([]);
    expect(map.takenByOthers([0], other, 50)).toEqual([0]);
  });

  test('is sold out if no seat is free and no held seat could be released', () => {
    const map = makeSeatMap(3, empty);
    map.apply(
      delta(
        2,
        [
          [0, SOLD],
          [1, BLOCKED],
          [2, HELD, buyer],
        ],
        100,
      ),
    );
    expect(map.isSoldOut()).toBe(false);
    map.apply(delta(3, [[2, SOLD]]));
    expect(map.isSoldOut()).toBe(true);
    map.apply(delta(4, [[0, FREE]]));
    expect(map.isSoldOut()).toBe(false);
  });
});
