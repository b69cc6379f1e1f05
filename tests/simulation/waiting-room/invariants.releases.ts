import type { RoomState } from '@usher/domain/room/types.ts';
import type { Run } from './steps.ts';
import { type Breach, livePass, type Scene, walk } from './witness.ts';

const unitsOfOne = 60_000;

/** 2: active + called ≤ cap at every reading, and no more passes are live than are counted. */
export const neverOverCap = (run: Run): Breach[] => {
  const breaches: Breach[] = [];
  // Lowering the cap removes nobody: the count may stay, but not grow.
  let allowed = run.start.activeMax;
  walk(run, {
    moment: ({ at, moment, before, nowMs, people }) => {
      const { activeMax, active, called } = moment.state;
      allowed = Math.max(activeMax, Math.min(allowed, before.active + before.called));
      if (active + called > allowed)
        breaches.push({ promise: 2, at, says: `${active} + ${called} of ${allowed}` });
      const living = [...people.values()].filter((known) => livePass(known, nowMs) !== null);
      // Passes from this moment's commands are checked at the next moment.
      if (moment.step.kind === 'tick' && living.length > active)
        breaches.push({ promise: 2, at, says: `${living.length} passes live, ${active} counted` });
    },
  });
  return breaches;
};

/** 3: releases, new and late people, in any 60 s never exceed the rate plus one burst. */
export const withinTheRate = (run: Run): Breach[] => {
  const breaches: Breach[] = [];
  const rates: { atMs: number; perMinute: number }[] = [
    { atMs: 0, perMinute: run.start.ratePerMinute },
  ];
  const releases: { at: number; atMs: number; count: number; rateAt: number }[] = [];
  walk(run, {
    moment: ({ at, moment, nowMs }) => {
      const perMinute = moment.state.ratePerMinute;
      if (rates.at(-1)?.perMinute !== perMinute) rates.push({ atMs: nowMs, perMinute });
      for (const { atMs, recalled, released } of moment.decisions) {
        const count = recalled.length + released.length;
        releases.push({ at, atMs, count, rateAt: rates.length - 1 });
      }
    },
  });
  for (const [last, to] of releases.entries()) {
    let count = 0;
    for (let first = last; first >= 0; first--) {
      const from = releases[first]!;
      const spanMs = to.atMs - from.atMs;
      if (spanMs > 60_000) break;
      count += from.count;
      const perMinute = Math.max(
        ...rates.slice(from.rateAt, to.rateAt + 1).map((rate) => rate.perMinute),
      );
      const burst = unitsOfOne + perMinute * 2 * run.terms.tickMs;
      if (count * unitsOfOne <= perMinute * spanMs + burst) continue;
      breaches.push({ promise: 3, at: to.at, says: `${count} people in ${spanMs} ms` });
      break;
    }
  }
  return breaches;
};

/** Whether the room's state lets a tick call anybody at all. */
const mayRelease = (state: RoomState, seatsLeft: number | null): boolean =>
  (state.phase === 'open' || state.phase === 'draining') &&
  state.override === 'none' &&
  state.drawnAtMs > 0 &&
  state.nowMs >= state.heldUntilMs &&
  seatsLeft !== null;

/**
 * Shows the ticks that must have called somebody, if anybody was present: they did something, were
 * allowed to, and a slot and the credit for one person were certainly free.
 */
const walkBusyTicks = (run: Run, onTick: (scene: Scene) => void, onAny: (scene: Scene) => void) => {
  let workedAtMs: number | null = null;
  walk(run, {
    moment: (scene) => {
      const { moment, nowMs } = scene;
      const { state, step } = moment;
      onAny(scene);
      // The bucket is reset.
      if (step.kind === 'crash') workedAtMs = nowMs;
      if (step.kind !== 'tick') return;
      const sinceMs = workedAtMs === null ? 0 : nowMs - workedAtMs;
      if (workedAtMs !== null && sinceMs < run.terms.tickMs) return;
      workedAtMs = nowMs;
      const slots = Math.min(state.activeMax, step.seatsLeft ?? 0) - state.active - state.called;
      const hasCalled = moment.decisions.length > 0;
      const isFree = hasCalled || (slots >= 1 && state.ratePerMinute * sinceMs >= unitsOfOne);
      if (mayRelease(state, step.seatsLeft) && isFree) onTick(scene);
    },
  });
};

/**
 * 4: nobody whose number the front has passed is refused for ever: late people who are there are
 * called again, the lowest first, before anybody new, as soon as anybody can be called and their
 * share allows it. While others wait, that is one call in four, and a first quarter of the slots.
 * Who misses the second call, too, has no place left.
 */
export const lateGoFirst = (run: Run): Breach[] => {
  const { presenceMs, claimWindowMs, lateOneIn } = run.terms;
  const price = lateOneIn - 1;
  const breaches: Breach[] = [];
  let share = price;
  let shareBefore = share;
  let [workedAtMs, forgottenAtMs] = [0, 0];
  const lateOf = ({ people, nowMs }: Scene): number[] =>
    [...people.values()]
      .filter(({ lateAtMs }) => lateAtMs !== null && lateAtMs > forgottenAtMs)
      .filter(({ lateAtMs }) => nowMs - (lateAtMs ?? 0) < presenceMs)
      .map(({ number }) => number);
  const count = ({ moment, before, nowMs }: Scene): void => {
    const { step, state, decisions } = moment;
    shareBefore = share;
    if (step.kind === 'crash' && step.how === 'flush') share = price;
    if (step.kind !== 'tick') return;
    // After so long without a tick, the known presence may be too old.
    if (nowMs - workedAtMs >= presenceMs) forgottenAtMs = nowMs;
    if (nowMs - workedAtMs >= run.terms.tickMs) workedAtMs = nowMs;
    for (const { recalled, released } of decisions) {
      if (before.front < before.tail) share = Math.max(0, share - price * recalled.length);
      const most = price * Math.max(1, Math.floor(state.activeMax / lateOneIn));
      share = Math.min(most, share + released.length);
    }
  };
  walkBusyTicks(
    run,
    (scene) => {
      const { before, at } = scene;
      const say = (says: string) => breaches.push({ promise: 4, at, says });
      const { recalled = [], released = [] } = scene.moment.decisions[0] ?? {};
      const left = lateOf(scene).filter((number) => !recalled.includes(number));
      const lowest = Math.min(...left);
      const most = before.front < before.tail ? Math.floor(shareBefore / price) : Infinity;
      if (recalled.length > most) say(`${recalled.length} late people were called, not ${most}`);
      // Some of a long list are looked at in the next tick.
      if (left.length === 0 || before.late > run.terms.windowNumbers) return;
      if (recalled.some((number) => number > lowest))
        say(`a higher one was called before ${lowest}`);
      if (recalled.length >= most) return;
      if (recalled.length + released.length === 0)
        say(`${lowest} is late and was not called, though a slot is free`);
      else if (released.length > 0) say(`new ones were called before ${lowest}`);
    },
    count,
  );
  walk(run, {
    answer: ({ command, answer, known, scene }) => {
      const { drawnAtMs, front } = scene.before;
      if (command.kind !== 'claim' || command.entry !== known.entry || drawnAtMs === 0) return;
      if (command.number === 0 || command.number > front) return;
      const isRefused =
        answer.outcome !== 'stands' || ['lobby', 'waiting'].includes(answer.standing);
      const isOver = answer.outcome === 'stands' && answer.standing === 'over';
      const hasMissedTwo =
        known.recalledAtMs !== null && scene.nowMs - known.recalledAtMs >= claimWindowMs;
      const isLost = isOver && !scene.admitted.has(command.number) && !hasMissedTwo;
      if (!isRefused && !isLost) return;
      breaches.push({ promise: 4, at: scene.at, says: `${command.number} was refused` });
    },
  });
  return breaches;
};

/** 9: if nobody is present, the front goes 4,096 numbers (or to the tail) in a tick. */
export const absenceDelaysLittle = (run: Run): Breach[] => {
  const breaches: Breach[] = [];
  walkBusyTicks(
    run,
    ({ at, moment, before }) => {
      if (moment.decisions.length > 0) return;
      const { front, tail } = moment.state;
      const expected = Math.min(tail, before.front + run.terms.windowNumbers);
      if (front < expected)
        breaches.push({ promise: 9, at, says: `the front is at ${front}, not at ${expected}` });
    },
    () => undefined,
  );
  return breaches;
};

/** 11: while the room is paused, held, not open or sold out, nobody is called and nothing moves. */
export const pausedReleasesNobody = (run: Run): Breach[] => {
  const breaches: Breach[] = [];
  walk(run, {
    moment: ({ at, moment, before }) => {
      const { step, state, decisions } = moment;
      const seatsLeft = step.kind === 'tick' ? step.seatsLeft : null;
      if (step.kind === 'crash' || (mayRelease(state, seatsLeft) && seatsLeft !== 0)) return;
      if (decisions.length > 0) breaches.push({ promise: 11, at, says: 'somebody was called' });
      if (state.front !== before.front)
        breaches.push({ promise: 11, at, says: `the front moved to ${state.front}` });
    },
  });
  return breaches;
};

/**
 * 13: who joined before another has the lower number (after the draw), and nobody who is present is
 * passed over: numbers are called in order.
 */
export const firstComeFirstServed = (run: Run): Breach[] => {
  const breaches: Breach[] = [];
  let highest = -1;
  let workedAtMs = 0;
  let forgottenAtMs = 0;
  const isThere = (seenAtMs: number | null, nowMs: number): boolean =>
    seenAtMs !== null && nowMs - seenAtMs < run.terms.presenceMs && seenAtMs > forgottenAtMs;
  walk(run, {
    moment: ({ at, moment, before, nowMs, people, admitted }) => {
      if (moment.step.kind !== 'tick') return;
      // After so long without a tick, the known presence may be too old.
      if (nowMs - workedAtMs >= run.terms.presenceMs) forgottenAtMs = nowMs;
      const { front } = moment.state;
      const released = moment.decisions.flatMap((decision) => decision.released);
      for (const { number, seenAtMs, pass } of people.values()) {
        const isPassed = before.front < number && number <= front && !released.includes(number);
        const isWaiting = pass === null && !admitted.has(number) && isThere(seenAtMs, nowMs);
        if (isPassed && isWaiting)
          breaches.push({ promise: 13, at, says: `${number} is there and was passed over` });
      }
      const isOrdered = released.every((number, i) => number > (released[i - 1] ?? before.front));
      if (!isOrdered || (released.at(-1) ?? 0) > front)
        breaches.push({ promise: 13, at, says: `called out of order: ${released.join(', ')}` });
      if (nowMs - workedAtMs >= run.terms.tickMs) workedAtMs = nowMs;
    },
    answer: ({ answer, scene }) => {
      if (answer.outcome !== 'placed') return;
      if (answer.isNew && answer.entry <= highest)
        breaches.push({
          promise: 13,
          at: scene.at,
          says: `entry ${answer.entry} was given after ${highest}`,
        });
      highest = Math.max(highest, answer.entry);
    },
  });
  return breaches;
};
