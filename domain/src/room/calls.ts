import { makeBits } from './bits.ts';

type Batch = { from: number; to: number; expiresAtMs: number };

/**
 * People who are called and have not claimed: numbers that the front has passed, whose bits are set
 * until the call of their batch expires, and late people who were called again. Also the late
 * people who wait to be called again, lowest number first.
 */
export const makeCalls = () => {
  const reserved = makeBits();
  // Both in the order of their ends: time never goes back, and all calls have the same window.
  const batches: Batch[] = [];
  const recalled = new Map<number, number>();
  const late = makeBits();
  let reservedCount = 0;
  let lateCount = 0;
  /** No number below is late. */
  let lateFrom = 0;

  const batchOf = (number: number): Batch | undefined => {
    let [low, high] = [0, batches.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (batches[middle]!.to < number) low = middle + 1;
      else high = middle;
    }
    return batches[low];
  };

  return {
    /** When the call of this number expires; 0 if it is not called. */
    expiryOf: (number: number): number => {
      const again = recalled.get(number);
      if (again !== undefined) return again;
      return reserved.has(number) ? (batchOf(number)?.expiresAtMs ?? 0) : 0;
    },
    /** Ends the call of this number; returns whether it was called. */
    take: (number: number): boolean => {
      if (recalled.delete(number)) return true;
      if (!reserved.clear(number)) return false;
      reservedCount--;
      return true;
    },
    /** The front moved from below `from` to `to`; these numbers of them are called. */
    release: (from: number, to: number, numbers: readonly number[], expiresAtMs: number): void => {
      for (const number of numbers) reserved.set(number);
      reservedCount += numbers.length;
      batches.push({ from, to, expiresAtMs });
    },
    /** Calls a late person again. */
    recall: (number: number, expiresAtMs: number): void => {
      if (late.clear(number)) lateCount--;
      recalled.set(number, expiresAtMs);
    },
    /** Ends expired calls; returns how many, and the numbers of late people among them. */
    sweep: (nowMs: number): { ended: number; lapsed: number[] } => {
      let ended = 0;
      const lapsed: number[] = [];
      let over = 0;
      for (const batch of batches) {
        if (batch.expiresAtMs > nowMs) break;
        ended += reserved.clearRange(batch.from, batch.to);
        over++;
      }
      batches.splice(0, over);
      reservedCount -= ended;
      for (const [number, expiresAtMs] of recalled) {
        if (expiresAtMs > nowMs) break;
        recalled.delete(number);
        lapsed.push(number);
        ended++;
      }
      return { ended, lapsed };
    },
    isLate: (number: number): boolean => late.has(number),
    addLate: (number: number): void => {
      if (late.has(number)) return;
      late.set(number);
      lateCount++;
      lateFrom = Math.min(lateFrom, number);
    },
    /** Returns whether it was late. */
    removeLate: (number: number): boolean => {
      if (!late.clear(number)) return false;
      lateCount--;
      return true;
    },
    /** The lowest late numbers, at most `max`; they stay late. */
    firstLate: (max: number): number[] => {
      const numbers: number[] = [];
      if (lateCount === 0) return numbers;
      lateFrom = late.lowest(lateFrom);
      let at = lateFrom;
      while (at !== -1 && numbers.length < max) {
        numbers.push(at);
        at = late.lowest(at + 1);
      }
      return numbers;
    },
    get called() {
      return reservedCount + recalled.size;
    },
    get late() {
      return lateCount;
    },
    get bytes() {
      return reserved.bytes + late.bytes;
    },
  };
};
