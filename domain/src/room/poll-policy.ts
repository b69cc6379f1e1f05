/**
 * How often clients poll. They compute it themselves from the document that everybody polls; this
 * copy is for the server's own pages, for simulated crowds, and for estimating the load.
 */
export type PollPolicy = { floorMs: number; ceilingMs: number; divisor: number };

export const pollPolicy: PollPolicy = { floorMs: 2_000, ceilingMs: 60_000, divisor: 8 };

/** Intervals vary by this much either way; otherwise clients in step would stay in step forever. */
const jitter = 0.15;

/**
 * ms until the next poll of a person who expects to wait `etaMs`; null (not known): the maximum.
 * `random` is from 0 to below 1.
 */
export const pollIntervalMs = (
  policy: PollPolicy,
  asks: { etaMs: number | null; multiplier: number; random: number },
): number => {
  const { floorMs, ceilingMs, divisor } = policy;
  const wantedMs = asks.etaMs === null ? ceilingMs : asks.etaMs / divisor;
  const intervalMs = Math.min(ceilingMs, Math.max(floorMs, wantedMs));
  return intervalMs * asks.multiplier * (1 - jitter + 2 * jitter * asks.random);
};

/** The first poll after the opening, by which all learn their numbers: 20,000 a second, ≤ 60 s. */
export const firstPollSpreadMs = (people: number): number => Math.min(60_000, people / 20);

/**
 * How long after the draw nobody is called. A client that polls while it is made sees the document
 * from before it (half a second old, three on a busy machine), polls again at the minimum, and is
 * present only then; otherwise the front would pass over a whole lobby meanwhile.
 */
export const openingHoldMs = (people: number, multiplier: number): number => {
  if (people === 0) return 0;
  const pollsMs = 3 * pollPolicy.floorMs * (1 + jitter) * multiplier;
  return Math.ceil(firstPollSpreadMs(people) + pollsMs + 1_000);
};

const heartbeatWithinMs = 180_000;
const heartbeatMs = 20_000;

/**
 * People with at most this many ahead of them send heartbeats. Based on the faster of the observed
 * and the allowed rate: in a full room nothing moves, until ten leave at once and those behind them
 * must be known to be present. All heartbeats together are 9 × the rate, however long the line.
 */
export const nearOf = (room: { perMinute: number; ratePerMinute: number }): number =>
  Math.ceil((Math.max(room.perMinute, room.ratePerMinute) * heartbeatWithinMs) / 60_000);

/** ms between two heartbeats of a person with `ahead` people before them; null: not yet. */
export const heartbeatEveryMs = (person: {
  ahead: number;
  perMinute: number;
  ratePerMinute: number;
}): number | null => (person.ahead <= nearOf(person) ? heartbeatMs : null);
