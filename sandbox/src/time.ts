/** Stops a timer; does nothing once it has run. */
export type Stop = () => void;

export type Time = {
  /** The sandbox's own time, in milliseconds since 1970: the base clock plus every advance. */
  nowMs(): number;
  /** Runs `run` when `delayMs` of the sandbox's time have passed. */
  after(delayMs: number, run: () => void): Stop;
  /** Moves the time forward; what falls due runs on the way, each at its own instant. */
  advance(byMs: number): void;
  /**
   * Runs `run` at once, but during an advance at its end: for what the real world has to answer,
   * whose own time limit would otherwise be over before it has begun.
   */
  whenStill(run: () => void): void;
  close(): void;
};

type Timer = { dueAtMs: number; order: number; run: (() => void) | null };

/** A base clock (milliseconds) and a way to be woken; a test gives a frozen one and never wakes. */
export type TimeBase = { now: () => number; wake: (delayMs: number, run: () => void) => Stop };

/** `setTimeout` takes 2^31 − 1 ms at most; a longer wait is simply armed again. */
const wakeMaxMs = 3_600_000;

const isEarlier = (a: Timer, b: Timer): boolean =>
  a.dueAtMs < b.dueAtMs || (a.dueAtMs === b.dueAtMs && a.order < b.order);

/** A binary heap in one array: a load run adds thousands of timers a second, nearly in order. */
function push(heap: Timer[], timer: Timer): void {
  let at = heap.push(timer) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isEarlier(timer, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = timer;
}

function pop(heap: Timer[]): Timer {
  const first = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isEarlier(heap[child + 1]!, heap[child]!)) child += 1;
    if (!isEarlier(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return first;
}

export function makeTime({ now, wake }: TimeBase): Time {
  const heap: Timer[] = [];
  let offsetMs = 0;
  let order = 0;
  let armedForMs = Number.POSITIVE_INFINITY;
  let disarm: Stop | null = null;
  /** What waits for the end of an advance; null while none is going on. */
  let afterwards: (() => void)[] | null = null;
  const nowMs = (): number => now() + offsetMs;

  function arm(): void {
    const first = heap[0];
    if (first === undefined || first.dueAtMs >= armedForMs) return;
    disarm?.();
    armedForMs = first.dueAtMs;
    disarm = wake(Math.min(Math.max(first.dueAtMs - nowMs(), 0), wakeMaxMs), () => {
      armedForMs = Number.POSITIVE_INFINITY;
      disarm = null;
      runDue();
    });
  }

  function runDue(): void {
    while (heap.length > 0 && heap[0]!.dueAtMs <= nowMs()) {
      const { run } = pop(heap);
      run?.();
    }
    arm();
  }

  return {
    nowMs,
    after(delayMs, run) {
      const timer: Timer = { dueAtMs: nowMs() + delayMs, order: order++, run };
      push(heap, timer);
      arm();
      return () => {
        timer.run = null;
      };
    },
    advance(byMs) {
      const untilMs = nowMs() + byMs;
      const waiting: (() => void)[] = [];
      afterwards = waiting;
      while (heap.length > 0 && heap[0]!.dueAtMs <= untilMs) {
        const timer = pop(heap);
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
      heap.length = 0;
    },
  };
}
