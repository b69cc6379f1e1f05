import TinyQueue from 'tinyqueue';

/** Stops a timer; does nothing once it has run. */
export type Stop = () => void;

export type Time = {
  /** The sandbox's own time, in milliseconds since 1970: the base clock plus every advance. */
  nowMs(): number;
  /** Runs `run` when `delayMs` of the sandbox's time have passed. */
  after(delayMs: number, run: () => void): Stop;
  /** Moves the time forward; timers that become due run meanwhile, each at its own instant. */
  advance(byMs: number): void;
  /**
   * Runs `run` at once, but during an advance at its end: for calls that the real world answers,
   * whose timeout would otherwise expire before they have begun.
   */
  whenStill(run: () => void): void;
  close(): void;
};

type Timer = { dueAtMs: number; order: number; run: (() => void) | null };

/** A base clock (milliseconds) and a way to be woken; a test's is frozen and never wakes. */
export type TimeBase = { now: () => number; wake: (delayMs: number, run: () => void) => Stop };

/** `setTimeout` takes 2^31 − 1 ms at most; for a longer wait it is set again. */
const wakeMaxMs = 3_600_000;

/** The earliest first; of those that are due at the same instant the one that was set first. */
const compareTimers = (a: Timer, b: Timer): number => a.dueAtMs - b.dueAtMs || a.order - b.order;

export const makeTime = ({ now, wake }: TimeBase): Time => {
  let heap = new TinyQueue<Timer>([], compareTimers);
  let offsetMs = 0;
  let order = 0;
  let armedForMs = Number.POSITIVE_INFINITY;
  let disarm: Stop | null = null;
  /** What waits for the end of an advance; null if none is in progress. */
  let afterwards: (() => void)[] | null = null;
  const nowMs = (): number => now() + offsetMs;

  const arm = (): void => {
    const first = heap.peek();
    if (first === undefined || first.dueAtMs >= armedForMs) return;
    disarm?.();
    armedForMs = first.dueAtMs;
    disarm = wake(Math.min(Math.max(first.dueAtMs - nowMs(), 0), wakeMaxMs), () => {
      armedForMs = Number.POSITIVE_INFINITY;
      disarm = null;
      runDue();
    });
  };

  /** Removes the first timer if it is due at this instant. */
  const popDue = (atMs: number): Timer | undefined => {
    const first = heap.peek();
    return first !== undefined && first.dueAtMs <= atMs ? heap.pop() : undefined;
  };

  const runDue = (): void => {
    for (let timer = popDue(nowMs()); timer !== undefined; timer = popDue(nowMs())) timer.run?.();
    arm();
  };

  return {
    nowMs,
    after(delayMs, run) {
      const timer: Timer = { dueAtMs: nowMs() + delayMs, order: order++, run };
      heap.push(timer);
      arm();
      return () => {
        timer.run = null;
      };
    },
    advance(byMs) {
      const untilMs = nowMs() + byMs;
      const waiting: (() => void)[] = [];
      afterwards = waiting;
      for (let timer = popDue(untilMs); timer !== undefined; timer = popDue(untilMs)) {
        offsetMs += Math.max(0, timer.dueAtMs - nowMs());
        timer.run?.();
      }
      offsetMs += Math.max(0, untilMs - nowMs());
      afterwards = null;
      for (const run of waiting) run();
      armedForMs = Number.POSITIVE_INFINITY;
      arm();
    },
    whenStill(run) {
      if (afterwards === null) run();
      else afterwards.push(run);
    },
    close() {
      disarm?.();
      disarm = null;
      heap = new TinyQueue<Timer>([], compareTimers);
    },
  };
};
