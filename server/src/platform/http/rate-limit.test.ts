import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../clock.ts';
import { makeRateLimiter, type RateLimiter, toSubscriber } from './rate-limit.ts';

const limit = { perMinute: 60, burst: 5 };

/** How many calls are allowed at this moment. */
const callsLet = (limiter: RateLimiter, key: string, of = limit): number => {
  for (let let_ = 0; ; let_++) if (limiter.waitMs(key, of) > 0) return let_;
};

describe('a limit', () => {
  test('allows exactly its burst at once, then one call per interval', async () => {
    const clock = manualClock(0);
    const limiter = makeRateLimiter(clock);
    expect(callsLet(limiter, 'a')).toBe(5);
    for (let second = 0; second < 10; second++) {
      await clock.advance(999);
      expect(callsLet(limiter, 'a')).toBe(0);
      await clock.advance(1);
      expect(callsLet(limiter, 'a')).toBe(1);
    }
  });

  test('says how long to wait, exact to the millisecond', async () => {
    const clock = manualClock(0);
    const limiter = makeRateLimiter(clock);
    const odd = { perMinute: 7, burst: 2 };
    callsLet(limiter, 'a', odd);
    const waitMs = limiter.waitMs('a', odd);
    expect(waitMs).toBe(Math.ceil(60_000 / 7));
    await clock.advance(waitMs - 1);
    expect(limiter.waitMs('a', odd)).toBe(1);
    await clock.advance(1);
    expect(limiter.waitMs('a', odd)).toBe(0);
  });

  test('allows no second burst at the edge of a minute', async () => {
    const clock = manualClock(0);
    const limiter = makeRateLimiter(clock);
    await clock.advance(59_999);
    const before = callsLet(limiter, 'a');
    await clock.advance(1);
    expect(before + callsLet(limiter, 'a')).toBe(5);
  });

  test('with fixed windows would allow a double burst there, which that test detects', () => {
    // The planted bug: fixed windows.
    let nowMs = 59_999;
    const counts = new Map<number, number>();
    const fixed: RateLimiter = {
      size: 0,
      waitMs: (_key, { burst }) => {
        const minute = Math.floor(nowMs / 60_000);
        counts.set(minute, (counts.get(minute) ?? 0) + 1);
        return (counts.get(minute) ?? 0) > burst ? 1 : 0;
      },
    };
    const before = callsLet(fixed, 'a');
    nowMs += 1;
    expect(before + callsLet(fixed, 'a')).toBe(10);
  });

  test('never exceeds burst + pace × time in any period', async () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(pauses, async (all) => {
        const clock = manualClock(0);
        const limiter = makeRateLimiter(clock);
        const lets: number[] = [];
        for (const pauseMs of all) {
          await clock.advance(pauseMs);
          if (limiter.waitMs('a', limit) === 0) lets.push(clock.nowMs());
        }
        for (const [from, startMs] of lets.entries())
          for (const [to, endMs] of lets.entries())
            if (to >= from) expect(to - from + 1).toBeLessThanOrEqual(5 + (endMs - startMs) / 1000);
      }),
    );
  });

  test('is separate for each key', () => {
    const limiter = makeRateLimiter(manualClock(0));
    expect(callsLet(limiter, 'a')).toBe(5);
    expect(callsLet(limiter, 'b')).toBe(5);
  });

  test('does not charge refused calls: a caller that keeps calling waits no longer', async () => {
    const clock = manualClock(0);
    const limiter = makeRateLimiter(clock);
    callsLet(limiter, 'a');
    for (let i = 0; i < 1000; i++) limiter.waitMs('a', limit);
    await clock.advance(1000);
    expect(limiter.waitMs('a', limit)).toBe(0);
  });

  test('does not depend on the time of day: setting it back an hour blocks nobody', () => {
    let dayMs = 7_200_000;
    const limiter = makeRateLimiter({ ...manualClock(0), nowMs: () => dayMs });
    callsLet(limiter, 'a');
    dayMs -= 3_600_000;
    expect(limiter.waitMs('a', limit)).toBeLessThanOrEqual(1000);
  });
});

describe('the memory of a limit', () => {
  test('is bounded at 200,000 keys, even if all of them are over their limit', () => {
    const limiter = makeRateLimiter(manualClock(0));
    let most = 0;
    for (let i = 0; i < 450_000; i++) {
      limiter.waitMs(`key ${i}`, { perMinute: 1, burst: 1 });
      most = Math.max(most, limiter.size);
    }
    expect(most).toBe(200_000);
  });

  test('evicts first the keys that have their full burst again', async () => {
    const clock = manualClock(0);
    const limiter = makeRateLimiter(clock);
    const slow = { perMinute: 1, burst: 1 };
    limiter.waitMs('hot', { perMinute: 0.1, burst: 1 });
    for (let i = 1; i < 200_000; i++) limiter.waitMs(`key ${i}`, slow);
    await clock.advance(60_000);
    limiter.waitMs('one more', slow);
    expect(limiter.size).toBe(2);
    expect(limiter.waitMs('hot', { perMinute: 0.1, burst: 1 })).toBeGreaterThan(0);
  });
});

describe('an address', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::FFFF:203.0.113.7', '203.0.113.7'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['::ffff:203.0.113.7%eth0', '203.0.113.7'],
    ['2001:db8:1:2:aaaa:bbbb:cccc:dddd', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::203.0.113.7', '64:ff9b:0:0::/64'],
    ['a socket without one', 'a socket without one'],
    ['2001:db8:::1', '2001:db8:::1'],
    ['::203.0.113.777', '::203.0.113.777'],
    ['', ''],
  ])('%s is limited as %s', (address, subscriber) => {
    expect(toSubscriber(address)).toBe(subscriber);
  });

  test('of one IPv6 subscriber shares its limit with the subscriber’s other addresses', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const subscriber = toSubscriber(address);
        expect(toSubscriber(subscriber.replace('/64', '1'))).toBe(subscriber);
      }),
    );
  });
});
