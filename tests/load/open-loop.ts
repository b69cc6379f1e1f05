import { type Histogram, makeHistogram } from '@usher/stampede/histogram.ts';

/** How one operation ended: only `done` is counted; `refused` is a definite no. */
export type OpEnd =
  | { kind: 'done' }
  | { kind: 'refused'; reason: string }
  /** Answered correctly, but not decided yet: a payment of unknown outcome. */
  | { kind: 'open'; reason: string }
  | { kind: 'error'; reason: string };

export type Load = {
  offeredPerS: number;
  seconds: number;
  /** Counted operations that ended within the time of the arrivals, a second. */
  donePerS: number;
  /** Operations that ended soon after that time, as a share of those that arrived. */
  keptUp: number;
  done: number;
  refused: Record<string, number>;
  open: Record<string, number>;
  errors: Record<string, number>;
  /** Of the counted operations, from the moment each was meant to start. */
  latency: Histogram;
};

/** More concurrent operations would only measure the generator's memory. */
const underWayMax = 20_000;
/** The maximum p99 at a sustained rate. */
const p99MaxMs = 1000;
/** An answer within this time after the last arrival does not count as falling behind. */
const soonMs = 100;
/** How long to wait for operations in progress after the last arrival. */
const drainMaxMs = 15_000;

const count = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};

/**
 * Starts `op` at a constant rate, whatever happens to the earlier ones, and takes each one's time
 * from the moment it was meant to start: a stall of the server counts for everybody who arrived
 * meanwhile (no coordinated omission).
 */
export const runAtRate = async (options: {
  perS: number;
  seconds: number;
  op: (nth: number, meantAtMs: number) => Promise<OpEnd>;
  /** A longer limit than the default, for operations that take longer even on an idle server. */
  soonMs?: number;
}): Promise<Load> => {
  const { perS, seconds, op } = options;
  const inTimeMs = options.soonMs ?? soonMs;
  const load: Load = {
    offeredPerS: perS,
    seconds,
    donePerS: 0,
    keptUp: 0,
    done: 0,
    refused: {},
    open: {},
    errors: {},
    latency: makeHistogram(),
  };
  const total = Math.round(perS * seconds);
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  let started = 0;
  let ended = 0;
  let endedInTime = 0;
  let doneInTime = 0;

  const run = async (nth: number): Promise<void> => {
    const meantAtMs = startMs + (nth * 1000) / perS;
    const end = await op(nth, meantAtMs).catch(
      (error: unknown): OpEnd => ({ kind: 'error', reason: String(error).slice(0, 120) }),
    );
    const nowMs = performance.now();
    ended += 1;
    if (nowMs <= endMs + inTimeMs) endedInTime += 1;
    if (end.kind === 'done') {
      load.done += 1;
      load.latency.record(nowMs - meantAtMs);
      if (nowMs <= endMs) doneInTime += 1;
    } else if (end.kind === 'refused') count(load.refused, end.reason);
    else if (end.kind === 'open') count(load.open, end.reason);
    else count(load.errors, end.reason);
  };

  await new Promise<void>((resolve) => {
    const tick = (): void => {
      const nowMs = performance.now();
      const due = Math.min(total, Math.floor(((nowMs - startMs) * perS) / 1000) + 1);
      while (started < due && started - ended < underWayMax) void run(started++);
      if (nowMs >= endMs || started >= total) resolve();
      else setTimeout(tick, 1);
    };
    tick();
  });
  while (performance.now() < endMs) await pause(1);
  const drainUntilMs = performance.now() + drainMaxMs;
  while (ended < started && performance.now() < drainUntilMs) await pause(5);
  if (ended < started) load.errors['not ended 15 s after the last arrival'] = started - ended;
  load.donePerS = doneInTime / seconds;
  load.keptUp = endedInTime / total;
  return load;
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** At a sustained rate nearly all operations end soon after the last arrival. */
const keptUpMin = 0.95;

export const isSustained = (load: Load): boolean =>
  load.keptUp >= keptUpMin &&
  load.latency.quantileMs(0.99) <= p99MaxMs &&
  Object.keys(load.errors).length === 0;

/** Other work on this machine can make a try fail: a rate is too high if it fails twice. */
const triesMax = 2;

/**
 * The highest rate that is sustained: doubled until it is not, then the gap between the last good
 * and the first bad is halved four times. Returns all loads in the order of the tries.
 */
export const findSaturation = async (options: {
  fromPerS: number;
  toPerS: number;
  tryRate: (perS: number) => Promise<Load>;
}): Promise<{ bestPerS: number; tried: Load[] }> => {
  const { fromPerS, toPerS, tryRate } = options;
  const tried: Load[] = [];
  let good = 0;
  let bad = Number.POSITIVE_INFINITY;
  const attempt = async (perS: number): Promise<void> => {
    for (let time = 1; time <= triesMax; time++) {
      const load = await tryRate(perS);
      tried.push(load);
      if (!isSustained(load)) continue;
      good = Math.max(good, perS);
      return;
    }
    bad = Math.min(bad, perS);
  };
  for (let perS = fromPerS; perS <= toPerS && bad === Number.POSITIVE_INFINITY; perS *= 2)
    await attempt(perS);
  if (bad < Number.POSITIVE_INFINITY)
    for (let cut = 0; cut < 4; cut++) await attempt(Math.round((good + bad) / 2));
  return { bestPerS: good, tried };
};
