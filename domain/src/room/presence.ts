import { makeBits } from './bits.ts';

/**
 * Who was present lately, by number: two maps, of which the newer replaces the older after a while,
 * so that absent people cost nothing. Kept for one to two of `presenceMs`.
 */
export type Presence = ReturnType<typeof makePresence>;

export const makePresence = (presenceMs: number) => {
  let now = makeBits();
  let before = makeBits();
  let rotatedAtMs = 0;
  return {
    set: (number: number): void => now.set(number),
    has: (number: number): boolean => now.has(number) || before.has(number),
    clear: (number: number): void => {
      now.clear(number);
      before.clear(number);
    },
    /** The time from which the maps count. */
    begin: (nowMs: number): void => {
      rotatedAtMs = nowMs;
    },
    rotate: (nowMs: number): void => {
      if (rotatedAtMs === 0) rotatedAtMs = nowMs;
      const sinceMs = nowMs - rotatedAtMs;
      if (sinceMs < presenceMs) return;
      [before, now] = [now, before];
      now.clearAll();
      if (sinceMs >= 2 * presenceMs) before.clearAll();
      rotatedAtMs = nowMs;
    },
    /** 32 numbers at once: those from 32 × `index`. */
    word: (index: number): number => now.word(index) | before.word(index),
    get bytes() {
      return now.bytes + before.bytes;
    },
  };
};
