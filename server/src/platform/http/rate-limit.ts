import type { Clock } from '../clock.ts';

/**
 * GCRA: one number per key, the time at which its bucket would be full again. `burst` calls at once,
 * then `perMinute` evenly; no double burst at the edge of a window as fixed windows allow.
 */
export type RateLimiter = {
  /** 0 when the call may go on, else the milliseconds to wait. */
  waitMs(key: string, limit: { perMinute: number; burst: number }): number;
  readonly size: number;
};

/** Keys kept; 200,000 are about 20 MB. When full, the keys whose buckets are full go first. */
const keysMax = 200_000;

export const makeRateLimiter = (clock: Clock): RateLimiter => {
  const fullAt = new Map<string, number>();
  const makeRoom = (nowMs: number): void => {
    for (const [key, atMs] of fullAt) if (atMs <= nowMs) fullAt.delete(key);
    // Everybody is over the limit at once: forget the oldest tenth rather than grow without end.
    let toDrop = fullAt.size - keysMax * 0.9;
    for (const key of fullAt.keys()) {
      if (toDrop-- <= 0) break;
      fullAt.delete(key);
    }
  };
  return {
    get size() {
      return fullAt.size;
    },
    waitMs: (key, { perMinute, burst }) => {
      const nowMs = clock.nowMs();
      const intervalMs = 60_000 / perMinute;
      const startsAt = Math.max(fullAt.get(key) ?? nowMs, nowMs);
      const waitMs = startsAt + intervalMs - nowMs - burst * intervalMs;
      if (waitMs > 0) return Math.ceil(waitMs);
      if (fullAt.size >= keysMax) makeRoom(nowMs);
      fullAt.set(key, startsAt + intervalMs);
      return 0;
    },
  };
};
