/** Multiplies the number of runs, for a long test during the night. */
export const nights = Number(process.env['ROOM_NIGHT'] ?? 1);

const only = process.env['ROOM_SEED'];
/** Replays one failure, without the checks that need many runs. */
export const isReplay = only !== undefined;

/**
 * The seeds of a suite: the one of ROOM_SEED to play a failure again, or `count` of them a night:
 * `ROOM_NIGHT=100 npx vitest run --project system tests/simulation/waiting-room`.
 */
export const seedsOf = (first: number, count: number): number[] => {
  if (only !== undefined) return [Number(only)];
  return Array.from({ length: count * nights }, (_, at) => first + at);
};
