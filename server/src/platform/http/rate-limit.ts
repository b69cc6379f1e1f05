import { isIPv6 } from 'node:net';
import type { Clock } from '../clock.ts';

/**
 * GCRA: one number per key, the time at which its bucket would be full again. `burst` calls at
 * once, then `perMinute` evenly; no double burst at the edge of a window as fixed windows allow.
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
      // Not the time of day: when that is set back, everybody would wait for as long.
      const nowMs = clock.monotonicMs();
      const intervalMs = 60_000 / perMinute;
      const known = fullAt.get(key);
      const startsAt = Math.max(known ?? nowMs, nowMs);
      const waitMs = startsAt + intervalMs - nowMs - burst * intervalMs;
      if (waitMs > 0) return Math.ceil(waitMs);
      if (known === undefined && fullAt.size >= keysMax) makeRoom(nowMs);
      fullAt.set(key, startsAt + intervalMs);
      return 0;
    },
  };
};

/**
 * Whom an address stands for. One subscriber of IPv6 has 2^64 addresses, those with the same first
 * 64 bits; an IPv4 address may come in the clothes of an IPv6 one.
 */
export const subscriberOf = (address: string): string => {
  if (!address.includes(':') || !isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [before = '', after] = (address.split('%')[0] ?? '').split('::');
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  // A dotted end stands for two groups.
  const groupsOf = (parts: readonly string[]) =>
    parts.length + (parts.at(-1)?.includes('.') ? 1 : 0);
  const gap = after === undefined ? 0 : 8 - groupsOf(head) - groupsOf(tail);
  const groups = [...head, ...new Array<string>(gap).fill('0'), ...tail];
  const first = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${first.join(':')}::/64`;
};
