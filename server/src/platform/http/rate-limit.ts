// ipaddr.js parses IPv6 in all its spellings; Fastify also uses it for trusted proxies.
import ipaddr from 'ipaddr.js';
import type { Clock } from '../clock.ts';

/**
 * GCRA: one number per key, the time at which its bucket would be full again. `burst` calls at
 * once, then `perMinute` evenly; no double burst at the edge of a window as fixed windows allow.
 */
export type RateLimiter = {
  /** 0 if the call may proceed, else the milliseconds to wait. */
  waitMs(key: string, limit: { perMinute: number; burst: number }): number;
  readonly size: number;
};

/** Keys kept; 200,000 take about 20 MB. When full, keys with full buckets are evicted first. */
const keysMax = 200_000;

export const makeRateLimiter = (clock: Clock): RateLimiter => {
  const fullAt = new Map<string, number>();
  const makeRoom = (nowMs: number): void => {
    for (const [key, atMs] of fullAt) if (atMs <= nowMs) fullAt.delete(key);
    // All keys are over their limit at once: evict the oldest tenth rather than grow without limit.
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
      // Not the time of day: if that were set back an hour, callers would wait an hour longer.
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
 * What counts as one address: an IPv4 address itself, even if it arrives IPv4-mapped in IPv6
 * (`::ffff:203.0.113.7`); for IPv6 the subscriber, who has all 2^64 addresses with the same first
 * 64 bits. Anything else, such as the name of a Unix socket, is left unchanged.
 */
export const toSubscriber = (address: string): string => {
  // The usual case, without parsing: this runs for every request.
  if (!address.includes(':') || !ipaddr.IPv6.isValid(address)) return address;
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  const groups = parsed.parts.slice(0, 4).map((group) => group.toString(16));
  return `${groups.join(':')}::/64`;
};
