import { describe, expect, test, vi } from 'vitest';
import { manualClock } from '../../platform/clock.ts';
import { makePatience } from './service.patience.ts';

const never = new Promise<string>(() => undefined);

/** Buyers of a provider that never answers; `gone` are the names of those who were let go. */
const openQueue = () => {
  const clock = manualClock(0);
  const sleep = vi.spyOn(clock, 'sleep');
  const patience = makePatience(clock, 8000);
  const gone: string[] = [];
  const wait = (name: string): void =>
    void patience.waitFor(never).then((outcome) => gone.push(`${name}: ${outcome}`));
  return { clock, sleep, patience, gone, wait };
};

describe('a buyer who waits for the provider', () => {
  test('gets the outcome, or the error, that comes in time', async () => {
    const { patience } = openQueue();
    expect(await patience.waitFor(Promise.resolve('paid'))).toBe('paid');
    await expect(patience.waitFor(Promise.reject(new Error('lost')))).rejects.toThrow('lost');
  });

  test('is let go after 8 s of their own, even behind others', async () => {
    const { clock, patience, gone, wait } = openQueue();
    wait('first');
    await clock.advance(3000);
    await patience.waitFor(Promise.resolve('paid'));
    wait('second');
    await clock.advance(4999);
    expect(gone).toEqual([]);
    await clock.advance(1);
    expect(gone).toEqual(['first: null']);
    await clock.advance(2999);
    expect(gone).toEqual(['first: null']);
    await clock.advance(1);
    expect(gone).toEqual(['first: null', 'second: null']);
  });

  test('is let go, too, if nobody waited for a while', async () => {
    const { clock, gone, wait } = openQueue();
    wait('first');
    await clock.advance(60_000);
    wait('second');
    await clock.advance(8000);
    expect(gone).toEqual(['first: null', 'second: null']);
  });

  test('shares one timer with all others', async () => {
    const { clock, sleep, gone, wait } = openQueue();
    for (let i = 0; i < 100; i++) wait(`buyer ${i}`);
    await clock.advance(8000);
    expect(gone).toHaveLength(100);
    expect(sleep).toHaveBeenCalledTimes(1);
  });

  test('leaves nothing behind when the outcome comes', async () => {
    const { clock, sleep, patience, wait } = openQueue();
    wait('first');
    for (let i = 0; i < 10; i++) {
      await clock.advance(10);
      await patience.waitFor(Promise.resolve('paid'));
    }
    await clock.advance(8000);
    expect(sleep).toHaveBeenCalledTimes(1);
    expect(clock.sleeping).toBe(0);
  });

  test('is let go when the program closes, even one who comes later', async () => {
    const { clock, patience, gone, wait } = openQueue();
    wait('first');
    patience.hurry();
    await clock.advance(3999);
    expect(gone).toEqual([]);
    await clock.advance(1);
    expect(gone).toEqual(['first: null']);
    expect(await patience.waitFor(never)).toBeNull();
    expect(clock.sleeping).toBe(0);
  });
});
