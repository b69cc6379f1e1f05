import type { Layout } from '@usher/domain/layout.ts';
import type { Random } from '@usher/domain/random.ts';
import { type SeatBits, seatState, seatStateAt } from '@usher/domain/seat-bits.ts';
import { makeZipf } from './chance.ts';

/** How a crowd looks at a seating plan: everybody wants the seats nearest to the stage. */
export type SeatChoice = {
  /** Adjacent seats that the map shows as free, ascending; null if it shows none. */
  choose(bits: SeatBits, count: number, random: Random): number[] | null;
};

/** Tries this many favourites before taking whatever is next best. */
const favouritesMax = 4;

/** `exponent` of Zipf's law: 1.1 in the benchmarks. */
export const makeSeatChoice = (layout: Layout, exponent: number): SeatChoice => {
  const order = byNearness(layout);
  const drawRank = makeZipf(order.length, exponent);

  /** The window of free seats around a seat, as far left as possible; -1 if there is none. */
  const windowAround = (bits: SeatBits, seatNo: number, count: number): number => {
    const run = layout.run[seatNo] ?? 0;
    const first = Math.max(layout.runStart[run] ?? 0, seatNo - count + 1);
    const end = layout.runStart[run + 1] ?? 0;
    let start = first;
    for (let at = first; at < end && start <= seatNo; at++) {
      if (seatStateAt(bits, at) !== seatState.FREE) start = at + 1;
      else if (at - start + 1 === count) return start;
    }
    return -1;
  };

  return {
    choose: (bits, count, random) => {
      let rank = 0;
      for (let looked = 0; looked < favouritesMax; looked++) {
        rank = drawRank(random);
        const start = windowAround(bits, order[rank] ?? 0, count);
        if (start >= 0) return seatsFrom(start, count);
      }
      for (let step = 1; step <= order.length; step++) {
        const seatNo = order[(rank + step) % order.length] ?? 0;
        const start = windowAround(bits, seatNo, count);
        if (start >= 0) return seatsFrom(start, count);
      }
      return null;
    },
  };
};

const seatsFrom = (start: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => start + i);

const byNearness = (layout: Layout): Int32Array => {
  const { focus } = layout.document.stage;
  const distance = (seatNo: number): number =>
    Math.hypot((layout.x[seatNo] ?? 0) - focus.x, (layout.y[seatNo] ?? 0) - focus.y);
  return Int32Array.from({ length: layout.seatCount }, (_, seatNo) => seatNo).sort(
    (a, b) => distance(a) - distance(b) || a - b,
  );
};

/** How many seats a map shows as free, held, sold and blocked. */
export const countSeats = (
  bits: SeatBits,
  seatCount: number,
): { free: number; held: number; sold: number; blocked: number } => {
  const counts = [0, 0, 0, 0];
  for (let seatNo = 0; seatNo < seatCount; seatNo++) {
    const state = seatStateAt(bits, seatNo);
    counts[state] = (counts[state] ?? 0) + 1;
  }
  const [free = 0, held = 0, sold = 0, blocked = 0] = counts;
  return { free, held, sold, blocked };
};
