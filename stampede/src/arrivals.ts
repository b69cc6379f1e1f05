import type { Random } from '@usher/domain/random.ts';

const minuteMs = 60_000;
/** In people's time: from the start of the lobby to the opening. */
const lobbyMs = 10 * minuteMs;

/**
 * When people arrive at an announced on-sale, in ms of people's time from the opening: most in its
 * last minutes and first seconds, some early, and a tail that learned about it later.
 * `bend`: how much the moments close to the opening are preferred; 1 is evenly.
 */
const waves = [
  { share: 0.15, fromMs: 0, toMs: -lobbyMs, bend: 1 },
  { share: 0.6, fromMs: 0, toMs: -5 * minuteMs, bend: 1.5 },
  { share: 0.15, fromMs: 0, toMs: 30_000, bend: 1.5 },
  { share: 0.1, fromMs: 30_000, toMs: 10 * minuteMs, bend: 2 },
] as const;

/** At a faster pace the lobby would end before it had begun. */
const paceMin = 0.01;

/** How long the lobby is open before the draw, at this pace. */
export const lobbyLengthMs = (pace: number): number => lobbyMs * Math.max(pace, paceMin);

/** When a person arrives, in ms from the opening; below 0 is the lobby. */
export const drawArrivalMs = (random: Random, pace: number): number => {
  let left = random.next();
  let wave: (typeof waves)[number] = waves[0];
  for (wave of waves) {
    left -= wave.share;
    if (left < 0) break;
  }
  const { fromMs, toMs, bend } = wave;
  return (fromMs + (toMs - fromMs) * random.next() ** bend) * Math.max(pace, paceMin);
};
