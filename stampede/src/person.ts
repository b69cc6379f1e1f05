import type { RouteParts } from '@usher/contract/client.ts';
import type { RouteSpec } from '@usher/contract/route.ts';
import type { Manner, Outcome } from './caller.ts';
import { drawPauseMs } from './chance.ts';
import type { Buyer, Crowd } from './crowd.ts';

/** How a buyer clicks: a pause, then a call whose latency counts from the end of the pause. */
export type Person = {
  /** As long as people take, at the crowd's pace. */
  pause(fromMs: number, toMs: number): Promise<void>;
  /** In real time, at any pace. */
  wait(ms: number): Promise<void>;
  click<S extends RouteSpec>(spec: S, parts: RouteParts<S>, manner: Manner): Promise<Outcome<S>>;
};

export const makePerson = (crowd: Crowd, buyer: Buyer, startMs: number): Person => {
  const { clock, caller, wakes, signal, pace } = crowd;
  let wantedAtMs = startMs;
  const wait = async (ms: number): Promise<void> => {
    wantedAtMs = clock.monotonicMs() + ms;
    await wakes.sleep(ms);
  };
  return {
    pause: (fromMs, toMs) => wait(drawPauseMs(buyer.random, fromMs, toMs) * pace),
    wait,
    click: async (spec, parts, manner) => {
      const outcome = await caller.call(spec, parts, {
        ...manner,
        session: buyer.session,
        fromMs: wantedAtMs,
        signal,
      });
      if (outcome.outcome === 'refused') crowd.notes.refused(outcome.code);
      wantedAtMs = clock.monotonicMs();
      return outcome;
    },
  };
};
