import type { Clock } from '../../platform/clock.ts';
import { debtMaxMs, debtorsMax } from './limits.ts';

/**
 * Counts what was done, after the fact: `burst` at once are free, then `perMinute`. More can be
 * done while the first ones are judged, but they are remembered and waited for later, so the rate
 * over minutes is the allowed one. Nothing counts that is not added.
 */
export const makeDebts = (clock: Clock, allowed: { perMinute: number; burst: number }) => {
  const intervalMs = 60_000 / allowed.perMinute;
  const freeMs = allowed.burst * intervalMs;
  /** When everything that a key did is forgotten; the key that was added to last is the last. */
  const forgottenAtMs = new Map<string, number>();
  const overMs = (key: string): number => {
    const owedMs = (forgottenAtMs.get(key) ?? 0) - clock.monotonicMs();
    return Math.max(owedMs + intervalMs - freeMs, 0);
  };
  return {
    /** Until one more is free; 0: it is. */
    waitMs: (key: string): number => Math.ceil(overMs(key)),
    /** How many more than the free ones were done. */
    countOver: (key: string): number => Math.ceil(overMs(key) / intervalMs),
    add: (key: string): void => {
      const nowMs = clock.monotonicMs();
      const fromMs = Math.max(forgottenAtMs.get(key) ?? nowMs, nowMs);
      forgottenAtMs.delete(key);
      forgottenAtMs.set(key, Math.min(fromMs + intervalMs, nowMs + freeMs + debtMaxMs));
      if (forgottenAtMs.size > debtorsMax)
        forgottenAtMs.delete(forgottenAtMs.keys().next().value ?? '');
    },
  };
};
