import type { RoomFacts } from './facts.ts';
import { highOf, lowOf } from './people.ts';
import type { RoomAnswer, RoomCommand, RoomPass, RoomTerms } from './types.ts';

type CommandOf<Kind extends RoomCommand['kind']> = Extract<RoomCommand, { kind: Kind }>;

const none: RoomAnswer = { outcome: 'none' };
const done: RoomAnswer = { outcome: 'done' };
const live = (pass: RoomPass | null): RoomAnswer =>
  pass === null ? none : { outcome: 'live', pass };

/** The life of a pass: it is used, tied to an order, untied, and ends with the order. */
export const makePassCommands = (facts: RoomFacts, terms: RoomTerms) => {
  const { it } = facts;
  const { passes, calls, admittedBits } = it;

  const livePass = (low: number, high: number): RoomPass | null => {
    const pass = passes.get(low, high);
    return pass !== null && pass.endsAtMs > it.nowMs ? pass : null;
  };
  /** When a pass that is used now expires, unless it is used again. */
  const slidEnd = (endsByMs: number): number => Math.min(it.nowMs + terms.passTtlMs, endsByMs);

  const touch = ({ person, presented }: CommandOf<'touch'>): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    const pass = livePass(low, high);
    if (pass !== null) {
      const slid = slidEnd(pass.endsByMs);
      const endsAtMs = pass.orderId === '' ? slid : Math.max(pass.endsAtMs, slid);
      if (endsAtMs !== pass.endsAtMs) facts.slide(low, high, endsAtMs);
      return live(passes.get(low, high));
    }
    if (passes.get(low, high) !== null || presented === null) return none;
    const { epoch, passEpoch, activeMax } = it.control;
    const { number, endsByMs } = presented;
    const isOurs = passEpoch <= presented.epoch && presented.epoch < epoch;
    const isUsable = endsByMs > it.nowMs && !admittedBits.has(number);
    if (!isOurs || !isUsable || passes.count + calls.called >= activeMax) return none;
    const again = { number, endsAtMs: slidEnd(endsByMs), endsByMs, orderId: '' };
    facts.admit(low, high, again, false);
    return live(again);
  };
  const pin = ({ person, orderId, untilMs }: CommandOf<'pin'>): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    const pass = livePass(low, high);
    if (pass === null) return none;
    const endsAtMs = Math.max(pass.endsAtMs, Math.min(untilMs, it.nowMs + terms.passMaxMs));
    facts.pin(low, high, endsAtMs, orderId);
    return live(passes.get(low, high));
  };
  const unpin = ({ person, orderId }: CommandOf<'unpin'>): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    const pass = livePass(low, high);
    if (pass === null || pass.orderId !== orderId) return none;
    facts.pin(low, high, slidEnd(pass.endsByMs), '');
    return live(passes.get(low, high));
  };
  const complete = ({ person, orderId }: CommandOf<'complete'>): RoomAnswer => {
    const [low, high] = [lowOf(person), highOf(person)];
    if (passes.get(low, high)?.orderId !== orderId) return none;
    facts.end(low, high);
    return done;
  };

  return { livePass, slidEnd, touch, pin, unpin, complete };
};
export type PassCommands = ReturnType<typeof makePassCommands>;
