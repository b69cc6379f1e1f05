import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 20;

/**
 * Waits until the function returns something truthy, and returns it; polls every 20 ms. Fails
 * after the limit, naming what was awaited: a deadline, not a measurement.
 */
export const until = async <T>(
  what: string,
  ask: () => T | Promise<T>,
  limitMs = 30_000,
): Promise<NonNullable<T>> => {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > deadlineMs) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await sleep(pollMs);
  }
};
