import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyDelta,
  countStates,
  decodeDelta,
  decodeSeatBits,
  encodeDelta,
  encodeSeatBits,
  makeSeatBits,
  readShownState,
  type SeatState,
  seatChange,
  seatState,
  seatStateAt,
  setSeatState,
} from './seat-bits.ts';

const state = fc.constantFrom<SeatState>(0, 1, 2, 3);
const states = fc.array(state, { minLength: 1, maxLength: 300 });
const change = fc.tuple(fc.nat(99_999), state).map(([seat, to]) => seatChange(seat, to));

describe('seat bits', () => {
  test('take two bits a seat: 20,000 seats are 5,000 bytes', () => {
    expect(makeSeatBits(20_000)).toHaveLength(5000);
    expect(makeSeatBits(20_001)).toHaveLength(5001);
  });

  test('put seat 0 in the lowest bits of byte 0, as clients read them', () => {
    expect([...encodeSeatBits([1, 2, 3, 0, 2])]).toEqual([0b00_11_10_01, 0b10]);
  });

  test('return every state as it was written', () => {
    fc.assert(
      fc.property(states, (written) => {
        const bits = encodeSeatBits(written);
        expect([...decodeSeatBits(bits, written.length)]).toEqual(written);
      }),
    );
  });

  test('change one seat and leave all others unchanged', () => {
    fc.assert(
      fc.property(states, fc.nat(), state, (written, nth, to) => {
        const seatNo = nth % written.length;
        const bits = encodeSeatBits(written);
        setSeatState(bits, seatNo, to);
        expect(seatStateAt(bits, seatNo)).toBe(to);
        expect([...decodeSeatBits(bits, written.length)]).toEqual(written.with(seatNo, to));
      }),
    );
  });

  test('show a seat that is being paid for as held', () => {
    expect(readShownState('ACTIVE')).toBe(seatState.HELD);
    expect(readShownState('PAYING')).toBe(seatState.HELD);
    expect(readShownState('SOLD')).toBe(seatState.SOLD);
    expect(readShownState(null)).toBe(seatState.BLOCKED);
  });

  test('count every seat once, in its grade and state', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(state, fc.nat(3)), { maxLength: 200 }), (seats) => {
        const bits = encodeSeatBits(seats.map(([s]) => s));
        const counts = countStates(
          bits,
          Uint8Array.from(seats, ([, grade]) => grade),
          4,
        );
        for (let grade = 0; grade < 4; grade++) {
          for (let s = 0; s < 4; s++) {
            const expected = seats.filter(([is, of]) => is === s && of === grade).length;
            expect(counts[grade * 4 + s]).toBe(expected);
          }
        }
      }),
    );
  });
});

describe('a seat delta', () => {
  test('applied from its bytes gives the same map as the changes one after the other', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 400 }), (changes) => {
        const direct = makeSeatBits(100_000);
        for (const c of changes) setSeatState(direct, c >> 2, (c & 3) as SeatState);
        const fromBytes = makeSeatBits(100_000);
        applyDelta(fromBytes, decodeDelta(encodeDelta(changes)));
        expect(Buffer.compare(fromBytes, direct)).toBe(0);
      }),
    );
  });

  test('never needs more than three bytes a change, and one if seats are close', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 400 }), (changes) => {
        const seats = new Set(changes.map((c) => c >> 2)).size;
        expect(encodeDelta(changes).length).toBeLessThanOrEqual(3 * seats);
      }),
    );
    const row = Array.from({ length: 40 }, (_, i) => seatChange(i, seatState.SOLD));
    expect(encodeDelta(row)).toHaveLength(40);
  });

  test('contains one change per seat, the last', () => {
    const bytes = encodeDelta([seatChange(7, 1), seatChange(3, 2), seatChange(7, 0)]);
    expect(decodeDelta(bytes)).toEqual([seatChange(3, 2), seatChange(7, 0)]);
  });

  test('that is cut off inside a change is refused, not read as another seat', () => {
    const bytes = encodeDelta([seatChange(50_000, seatState.SOLD)]);
    expect(() => decodeDelta(bytes.subarray(0, 2))).toThrow(RangeError);
  });
});
