/** How many times the usual number of runs: for a long night. */
export const nights = Number(process.env['ROOM_NIGHT'] ?? 1);

const only = process.env['ROOM_SEED'];
/** One failure is played again; what only many runs show together is not looked at. */
export const isReplay = only !== undefined;

/**
 * The seeds of a suite: the one of ROOM_SEED to play a failure again, or `count` of them a night:
 * `ROOM_NIGHT=100 npx vitest run --project system tests/simulation/waiting-room`.
 */
export const seedsOf = (first: number, count: number): number[] => {
  if (only !== undefined) return [Number(only)];
  return Array.from({ length: count * nights }, (_, at) => first + at);
};
